#include "core/work/launches.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>

#include "core/work/pow_hash.hpp"
#include "tests/searchers/subjects.hpp"

namespace vigil {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::uint64_t first64(const Hash& hash) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | hash.bytes[i];
    return out;
}

/// A device that is a loop: exact, on a clock that advances by a microsecond a nonce.
class LoopDevice {
public:
    explicit LoopDevice(std::size_t capacity) : capacity_{capacity} {}

    LaunchDevice port(std::uint64_t hits_expected) {
        return {.limits = {.found_capacity = capacity_, .hits_expected = hits_expected},
                .start = [this](unsigned slot, const Launch& launch) { start(slot, launch); },
                .wait = [this](unsigned slot) { return wait(slot); },
                .now = [this] { return now; }};
    }

    Challenge challenge;
    Clock::time_point now;
    std::vector<Launch> launches;
    std::size_t most_in_flight{};
    std::uint64_t false_hits{};
    /// From the third launch on it computes wrongly: these take the place of the hits.
    std::vector<std::uint64_t> lies;

private:
    void start(unsigned slot, const Launch& launch) {
        launches.push_back(launch);
        slots_.at(slot) = {0, {}};
        auto& [hits, found] = slots_.at(slot);
        for (std::uint64_t nonce = launch.range.first; nonce <= launch.range.last; ++nonce) {
            if (first64(pow_hash(challenge, nonce)) > launch.threshold64) continue;
            if (++hits <= capacity_) found.push_back(nonce);
        }
        hits += false_hits;
        if (!lies.empty() && launches.size() > 2) {
            found = lies;
            hits = lies.size();
        }
        most_in_flight = std::max(most_in_flight, ++in_flight_);
    }

    LaunchOutcome wait(unsigned slot) {
        --in_flight_;
        const auto& [hits, found] = slots_.at(slot);
        now += 1us * found.size() + 1ms;
        return {hits, found};
    }

    std::size_t capacity_;
    std::size_t in_flight_{};
    std::array<std::pair<std::uint64_t, std::vector<std::uint64_t>>, 2> slots_;
};

std::vector<Found> smallest(const Challenge& challenge, NonceRange range, std::size_t k) {
    std::vector<Found> all;
    for (std::uint64_t nonce = range.first; nonce <= range.last; ++nonce)
        all.push_back({pow_hash(challenge, nonce), nonce});
    std::sort(all.begin(), all.end());
    all.resize(std::min(k, all.size()));
    return all;
}

TEST(Launches, AnOverflowIsSearchedAgainWithALowerThreshold) {
    LoopDevice device{64};
    std::uint64_t nonces = 1'000;
    const SearchResult result = search_in_launches(
        {{}, 2, {0, 999}}, [](const SearchProgress&) { return true; }, device.port(1'000), nonces);
    EXPECT_TRUE(result.best == smallest({}, {0, 999}, 2));
    EXPECT_EQ(result.hashes_tried, 1'000U);
    ASSERT_EQ(device.launches.size(), 2U);
    EXPECT_EQ(device.launches[1].range.last, 999U);
    EXPECT_LT(device.launches[1].threshold64, device.launches[0].threshold64);
}

TEST(Launches, AnOverflowThatTeachesNothingIsSearchedInHalves) {
    LoopDevice device{64};
    std::uint64_t nonces = 1'000;
    const SearchResult result = search_in_launches(
        {{}, 500, {0, 999}}, [](const SearchProgress&) { return true; }, device.port(1'000),
        nonces);
    EXPECT_TRUE(result.best == smallest({}, {0, 999}, 500));
    EXPECT_EQ(result.hashes_tried, 1'000U);
    EXPECT_GT(device.launches.size(), 16U);
}

TEST(Launches, OneThatExpectsTooManyHitsIsCutShort) {
    LoopDevice device{64};
    std::uint64_t nonces = 1'000;
    search_in_launches(
        {{}, 8, {0, 9'999}}, [](const SearchProgress&) { return true; }, device.port(16), nonces);
    EXPECT_EQ(device.launches.front().range.last, 15U);
    EXPECT_GT(device.launches.back().range.last - device.launches.back().range.first, 100U);
}

TEST(Launches, StoppedItRepeatsWhatOverflowedAndStartsNothingNew) {
    LoopDevice device{64};
    std::uint64_t nonces = 1'000;
    const SearchResult result = search_in_launches(
        {{}, 8, {0, 999'999}}, [](const SearchProgress&) { return false; }, device.port(1'000'000),
        nonces);
    EXPECT_FALSE(result.range_exhausted);
    EXPECT_EQ(result.hashes_tried, 2'000U);
    EXPECT_TRUE(result.best == smallest({}, {0, 1'999}, 8));
}

TEST(Launches, AnOwnerWhoSleepsFindsTheDeviceResting) {
    LoopDevice device{4'096};
    std::uint64_t nonces = 1'000;
    std::vector<std::size_t> started;
    search_in_launches(
        {{}, 8, {0, 99'999}},
        [&](const SearchProgress&) {
            started.push_back(device.launches.size());
            device.now += 1s;
            return started.size() < 4;
        },
        device.port(4'096), nonces);
    // One launch is in flight at the first question; from then on none.
    EXPECT_EQ(started, (std::vector<std::size_t>{2, 2, 3, 4}));
    EXPECT_EQ(device.most_in_flight, 2U);
}

TEST(Launches, LengthFollowsTheDeviceToAboutFiftyMilliseconds) {
    EXPECT_EQ(next_launch_nonces(1'000'000, 50ms), 1'000'000U);
    EXPECT_EQ(next_launch_nonces(1'000'000, 100ms), 500'000U);
    EXPECT_EQ(next_launch_nonces(1'000'000, 1us), 8'000'000U);
    EXPECT_EQ(next_launch_nonces(1'024, 10s), 1'024U);
}

TEST(Launches, ADeviceThatMiscountsFailsTheSearch) {
    LoopDevice device{64};
    device.false_hits = 5'000;
    std::uint64_t nonces = 1'000;
    EXPECT_THROW(search_in_launches(
                     {{}, 8, {0, 999}}, [](const SearchProgress&) { return true; },
                     device.port(1'000), nonces),
                 SearchFailed);
}

TEST(Launches, FalseAndRepeatedHitsAreLeftOut) {
    LaunchPlan plan{{{}, 8, {100, 199}}, {.found_capacity = 64, .hits_expected = 64}};
    const auto launch = plan.next(50);
    ASSERT_TRUE(launch);
    const std::array<std::uint64_t, 4> wrong{99, 120, 120,
                                             150};  // before the range, twice, after its end
    plan.complete(*launch, {4, wrong});
    ASSERT_EQ(plan.best().size(), 1U);
    EXPECT_EQ(plan.best()[0].nonce, 120U);
    EXPECT_EQ(plan.mismatches(), 3U);
}

TEST(Launches, ADeviceThatComputesWronglyIsCounted) {
    const auto mismatches = [](std::vector<std::uint64_t> lies) {
        LoopDevice device{4'096};
        device.lies = std::move(lies);
        std::uint64_t nonces = 1'000;
        const SearchResult result = search_in_launches(
            {{}, 2, {0, 2'999}}, [](const SearchProgress&) { return true; }, device.port(4'096),
            nonces);
        EXPECT_EQ(result.best.size(), 2U);
        for (const Found& found : result.best) EXPECT_EQ(found.hash, pow_hash({}, found.nonce));
        EXPECT_EQ(device.launches.size(), 3U);
        return result.mismatches;
    };
    EXPECT_EQ(mismatches({}), 0U);
    // Of the launch's range but not among the smallest, one of them twice; and one of another
    // range.
    EXPECT_EQ(mismatches({2'001, 2'002, 2'003, 2'003, 17}), 5U);
}

TEST(Launches, AKernelThatComparesOnly32BitsIsNoLiar) {
    LaunchPlan plan{{{}, 1, {0, 99}}, {.found_capacity = 64, .hits_expected = 64}};
    Launch launch{{0, 99}, 0};
    const std::uint64_t hash64 = first64(pow_hash({}, 7));
    launch.threshold64 = hash64 - 1;
    ASSERT_EQ(launch.threshold64 >> 32, hash64 >> 32);
    const std::array<std::uint64_t, 1> found{7};
    plan.complete(launch, {1, found});
    EXPECT_EQ(plan.best().size(), 0U);
    EXPECT_EQ(plan.mismatches(), 0U);
}

TEST(Launches, LongOnesTakeWholeWavesAndEndAtAUnit) {
    LaunchPlan plan{{{}, 8, {1'003, 1'000'000}},
                    {.found_capacity = 64, .hits_expected = 1'000'000, .wave = 4'000, .unit = 100}};
    auto launch = plan.next(9'999);
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->range.last + 1, 9'000U);  // two waves of units 10 to 89
    launch = plan.next(9'999);
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->range.first, 9'000U);
    EXPECT_EQ(launch->range.last + 1, 17'000U);
    launch = plan.next(3'999);
    ASSERT_TRUE(launch);
    EXPECT_EQ(launch->range.last + 1, 20'999U);  // shorter than a wave: as it was wanted
}

TEST(Sieve, FiveDeviationsAreTheLimitAboveAMeanOfAHundred) {
    constexpr std::uint64_t one_of = 65'536;
    EXPECT_TRUE((Sieve{99 * one_of, 0}.plausible()));
    EXPECT_FALSE((Sieve{100 * one_of, 0}.plausible()));
    EXPECT_TRUE((Sieve{100 * one_of, 50}.plausible()));
    EXPECT_FALSE((Sieve{100 * one_of, 49}.plausible()));
    EXPECT_TRUE((Sieve{100 * one_of, 150}.plausible()));
    EXPECT_FALSE((Sieve{100 * one_of, 151}.plausible()));
    EXPECT_FALSE((Sieve{~std::uint64_t{0}, 0}.plausible()));
    EXPECT_FALSE((Sieve{100 * one_of, ~std::uint64_t{0}}.plausible()));
    EXPECT_TRUE((Sieve{std::uint64_t{1} << 60, std::uint64_t{1} << 44}.plausible()));
}

TEST(Sieve, AShorterFilterIsExpectedToLetMorePass) {
    Sieve sieve = Sieve::of(1'000'000, 16, 15);
    sieve += Sieve::of(1'000'000, 8, 3'906);
    EXPECT_EQ(sieve.expected_65536ths, 1'000'000U + 256'000'000U);
    EXPECT_EQ(sieve.passed, 3'921U);
    EXPECT_TRUE(sieve.plausible());
    EXPECT_EQ(Sieve::of(1'000'000, 7, 7'812).expected_65536ths, 0U);
}

}  // namespace
}  // namespace vigil
