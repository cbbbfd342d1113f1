#include "node/searching.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "core/work/best_k.hpp"
#include "core/work/pow_hash.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::TinySearcher;

Challenge challenge_of(std::uint8_t fill) {
    Challenge challenge;
    challenge.bytes.fill(fill);
    return challenge;
}

struct Watched {
    SteadyTime stop;
    std::vector<Progress> progress{};
    int failures = 0;

    SearchWatch watch() {
        return {.stop = [this] { return stop; },
                .abandon = [] { return false; },
                .hashed = [](std::uint64_t, steady_clock::duration) {},
                .progress = [this](const Progress& p) { progress.push_back(p); },
                .failed = [this](const SearchFailed&, Milliseconds) { ++failures; }};
    }
};

SearchOrder order_of(SteadyTime stop) {
    return {.device = {},
            .challenge = challenge_of(4),
            .k = 8,
            .stop = stop,
            .first_nonce = 1000,
            .resume = {}};
}

/// The k smallest of a range, by core's readable definition.
std::vector<Found> reference(const Challenge& challenge, std::uint64_t first, std::uint64_t count,
                             std::uint32_t k) {
    BestK best{k};
    for (std::uint64_t n = first; n < first + count; ++n) best.offer({pow_hash(challenge, n), n});
    return best.sorted();
}

TEST(Searching, FindsTheSmallestOfAllItTried) {
    TinySearcher searcher;
    Watched watched{.stop = steady_clock::now() + Milliseconds{1300}};  // more than one slice
    const SearchOutcome outcome = search_until(searcher, order_of(watched.stop), watched.watch());
    EXPECT_GE(searcher.faults->searches, 2);
    EXPECT_EQ(outcome.best,
              reference(challenge_of(4), 1000, outcome.hashes_tried, 8 + spare_nonces));
}

TEST(Searching, GoesOnWhereARestartLeftOff) {
    TinySearcher searcher;
    const auto before = reference(challenge_of(4), 1000, 6400, 16);
    SearchOrder order = order_of({});
    order.resume = Progress{{}, challenge_of(4), 16, 7400, 6400, {}};
    for (const Found& found : before) order.resume->nonces.push_back(found.nonce);
    order.first_nonce = 5;  // not used when there is progress
    Watched watched{.stop = steady_clock::now() + Milliseconds{60}};
    const SearchOutcome outcome = search_until(searcher, order, watched.watch());
    EXPECT_EQ(searcher.faults->first_nonce, 7400u);
    EXPECT_GT(outcome.hashes_tried, 6400u);
    EXPECT_EQ(outcome.best, reference(challenge_of(4), 1000, outcome.hashes_tried, 16));
}

TEST(Searching, AFailingDeviceIsTriedAgain) {
    TinySearcher searcher;
    searcher.faults->failures = 2;
    Watched watched{.stop = steady_clock::now() + Milliseconds{1500}};
    const SearchOutcome outcome = search_until(searcher, order_of(watched.stop), watched.watch());
    EXPECT_EQ(watched.failures, 2);
    EXPECT_GT(outcome.hashes_tried, 0u);
    EXPECT_EQ(outcome.best.size(), 16u);
}

TEST(Searching, ADeadDeviceEndsInTime) {
    TinySearcher searcher;
    searcher.faults->failures = 1000;
    const auto begun = steady_clock::now();
    Watched watched{.stop = begun + Milliseconds{400}};
    const SearchOutcome outcome = search_until(searcher, order_of(watched.stop), watched.watch());
    EXPECT_TRUE(outcome.best.empty());
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{900});
    EXPECT_LT(searcher.faults->searches, 10);  // with pauses, not in a tight loop
}

TEST(Searching, DutyLeavesTheDeviceIdleForItsShare) {
    TinySearcher whole;
    TinySearcher quarter;
    const auto tried = [](TinySearcher& searcher, unsigned duty) {
        SearchOrder order = order_of({});
        order.duty = duty;
        Watched watched{.stop = steady_clock::now() + Milliseconds{600}};
        return static_cast<double>(search_until(searcher, order, watched.watch()).hashes_tried);
    };
    const double ratio = tried(quarter, 25) / tried(whole, 100);
    EXPECT_GT(ratio, 0.10);
    EXPECT_LT(ratio, 0.45);
}

TEST(Recheck, LeavesOutWhatTheDeviceGotWrong) {
    auto found = reference(challenge_of(4), 0, 2000, 12);
    const auto spoiled = found[3].nonce;
    found[3].hash.bytes[31] ^= 1;
    const Rechecked checked = recheck(challenge_of(4), found, 8);
    EXPECT_EQ(checked.mismatches, 1u);
    EXPECT_EQ(checked.nonces.size(), 8u);
    EXPECT_TRUE(std::is_sorted(checked.nonces.begin(), checked.nonces.end()));
    EXPECT_EQ(std::count(checked.nonces.begin(), checked.nonces.end(), spoiled), 0);
    // The eight smallest of the rest: places 0 … 8 without 3.
    std::vector<std::uint64_t> expected;
    for (std::size_t i = 0; i < 9; ++i)
        if (i != 3) expected.push_back(found[i].nonce);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(checked.nonces, expected);
}

TEST(Recheck, TooManyWrongLeavesTooFew) {
    auto found = reference(challenge_of(4), 0, 2000, 12);
    for (std::size_t i = 0; i < 5; ++i) found[i].hash.bytes[0] ^= 1;
    EXPECT_EQ(recheck(challenge_of(4), found, 8).nonces.size(), 7u);
}

}  // namespace
}  // namespace vigil::node
