#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "core/work/pow_hash.hpp"
#include "core/work/pow_hash_many.hpp"
#include "tests/searchers/subjects.hpp"

// The contract of core/work/searcher.hpp, over every searcher. What is expected comes from core's
// pow_hash, nonce by nonce, and a sort.
namespace vigil {
namespace {

constexpr std::uint64_t last_nonce = ~std::uint64_t{0};

std::vector<Found> hashes_of(const Challenge& challenge, NonceRange range) {
    std::vector<Found> out;
    for (std::uint64_t nonce = range.first;; ++nonce) {
        out.push_back({pow_hash(challenge, nonce), nonce});
        if (nonce == range.last) return out;
    }
}

std::vector<Found> smallest(std::vector<Found> all, std::uint32_t k) {
    const auto kept = static_cast<std::ptrdiff_t>(std::min<std::size_t>(k, all.size()));
    std::partial_sort(all.begin(), all.begin() + kept, all.end());
    all.resize(static_cast<std::size_t>(kept));
    return all;
}

class SearcherContract : public testing::TestWithParam<Subject> {
protected:
    void SetUp() override {
        if (!GetParam().missing.empty()) GTEST_SKIP() << GetParam().missing;
        std::random_device entropy;
        seed_ = entropy();
        random_.seed(seed_);
        RecordProperty("seed", std::to_string(seed_));
        searcher_ = GetParam().make();
    }

    std::string seed() const { return "seed " + std::to_string(seed_); }

    Challenge challenge() {
        Challenge out;
        for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(random_());
        return out;
    }

    SearchResult search_all(const SearchJob& job) {
        return searcher_->search(job, [](const SearchProgress&) { return true; });
    }

    void expect_exact(const SearchJob& job) {
        SCOPED_TRACE(testing::Message() << seed() << ", k " << job.k << ", nonces "
                                        << job.range.first << " to " << job.range.last);
        const SearchResult result = search_all(job);
        EXPECT_TRUE(result.range_exhausted);
        EXPECT_EQ(result.hashes_tried, job.range.last - job.range.first + 1);
        EXPECT_EQ(result.mismatches, 0U);
        EXPECT_TRUE(result.best == smallest(hashes_of(job.challenge, job.range), job.k));
    }

    std::uint64_t seed_{};
    std::mt19937_64 random_;
    std::unique_ptr<Searcher> searcher_;
};

TEST_P(SearcherContract, FindsExactlyTheKSmallest) {
    const Challenge c = challenge();
    const std::uint64_t first = random_() >> 1;
    const NonceRange range{first, first + 150'000 + random_() % 1'000};
    const auto all = hashes_of(c, range);
    for (const std::uint32_t k : {1U, 2U, 64U, 256U, 4'096U}) {
        SCOPED_TRACE(testing::Message() << seed() << ", k " << k);
        const SearchResult result = search_all({c, k, range});
        EXPECT_TRUE(result.range_exhausted);
        EXPECT_EQ(result.hashes_tried, all.size());
        EXPECT_TRUE(result.best == smallest(all, k));
    }
}

TEST_P(SearcherContract, ReachesBothEndsOfAllNonces) {
    const Challenge c = challenge();
    for (const std::uint64_t more : {0, 1, 7, 8, 9, 62, 63, 64, 65, 127, 1'000, 20'000}) {
        expect_exact({c, 16, {last_nonce - more, last_nonce}});
        expect_exact({c, 16, {0, more}});
    }
}

TEST_P(SearcherContract, SmallRangesAnywhere) {
    const Challenge c = challenge();
    for (int i = 0; i < 200; ++i) {
        const std::uint64_t first = random_();
        const std::uint64_t more = std::min<std::uint64_t>(random_() % 300, last_nonce - first);
        const auto k = static_cast<std::uint32_t>(1 + random_() % 100);
        expect_exact({c, k, {first, first + more}});
    }
}

/// The counter of a filter that the device has anyway agrees with the hashes it says it tried.
TEST_P(SearcherContract, WhatPassesItsFilterIsPlausible) {
    // A launch whose threshold is low has the most bits to pass: so many searches are always
    // enough.
    constexpr int most_searches = 8;
    constexpr std::uint64_t enough = 100U * 65'536U;
    const bool counts = searcher_->device().backend != Backend::cpu;
    Sieve sieve;
    for (int i = 0; i < (counts ? most_searches : 1) && sieve.expected_65536ths < enough; ++i) {
        sieve += search_all({challenge(), 1, {0, 1'000'000}}).sieve;
    }
    if (!counts) {
        EXPECT_EQ(sieve.expected_65536ths, 0U) << "it has no launches that could go wrong";
        return;
    }
    EXPECT_GE(sieve.expected_65536ths, enough) << "too few to tell";
    EXPECT_TRUE(sieve.plausible())
        << seed() << ": " << sieve.passed << " of " << sieve.expected_65536ths << " / 65,536";
}

TEST_P(SearcherContract, FewerNoncesThanK) {
    const Challenge c = challenge();
    expect_exact({c, 2, {12'345, 12'345}});
    expect_exact({c, 4'096, {1'000, 1'006}});
    expect_exact({c, 4'096, {(std::uint64_t{1} << 32) - 2'000, (std::uint64_t{1} << 32) + 2'000}});
    expect_exact({c, 4'096, {last_nonce - 4'094, last_nonce}});
}

TEST_P(SearcherContract, DenseHits) {
    const Challenge c = challenge();
    expect_exact({c, 4'096, {0, 4'095}});
    expect_exact({c, 4'096, {0, 4'096}});
    expect_exact({c, 4'096, {77, 12'345}});
}

TEST_P(SearcherContract, RareHits) {
    const Challenge c = challenge();
    const std::uint64_t first = random_() >> 1;
    expect_exact({c, 1, {first, first + 600'000}});
}

TEST_P(SearcherContract, StoppedEarlyItHasTriedAPrefix) {
    const Challenge c = challenge();
    const std::uint64_t first = random_() >> 1;
    for (const int questions : {1, 2, 5}) {
        int asked = 0;
        SearchProgress last;
        const SearchResult result =
            searcher_->search({c, 64, {first, last_nonce}}, [&](const SearchProgress& now) {
                EXPECT_GT(now.hashes_tried, last.hashes_tried);
                EXPECT_GE(now.elapsed, last.elapsed);
                last = now;
                return ++asked < questions;
            });
        SCOPED_TRACE(testing::Message()
                     << seed() << ", questions " << questions << ", tried " << result.hashes_tried);
        EXPECT_EQ(asked, questions);
        EXPECT_FALSE(result.range_exhausted);
        EXPECT_GE(result.hashes_tried, last.hashes_tried);
        EXPECT_GE(result.elapsed, last.elapsed);

        std::vector<std::uint64_t> nonces(result.hashes_tried);
        for (std::size_t i = 0; i < nonces.size(); ++i) nonces[i] = first + i;
        std::vector<Hash> hashes(nonces.size());
        pow_hashes(c, nonces, hashes);
        std::vector<Found> all(nonces.size());
        for (std::size_t i = 0; i < nonces.size(); ++i) all[i] = {hashes[i], nonces[i]};
        EXPECT_TRUE(result.best == smallest(std::move(all), 64));
    }
}

TEST_P(SearcherContract, OneObjectSearchesManyChallenges) {
    for (int i = 0; i < 8; ++i) {
        const std::uint64_t first = random_() >> 1;
        expect_exact({challenge(), 64, {first, first + 5'000 + random_() % 5'000}});
    }
}

TEST_P(SearcherContract, SurvivesAnOwnerWhoThrows) {
    struct Enough {};
    EXPECT_THROW(searcher_->search({challenge(), 64, {0, last_nonce}},
                                   [](const SearchProgress&) -> bool { throw Enough{}; }),
                 Enough);
    expect_exact({challenge(), 64, {0, 10'000}});
}

TEST_P(SearcherContract, DescribesItsDevice) {
    const DeviceDescription& device = searcher_->device();
    EXPECT_FALSE(device.uid.empty());
    EXPECT_FALSE(device.name.empty());
    EXPECT_FALSE(device.kernel.empty());
    EXPECT_GT(device.compute_units, 0U);
    EXPECT_EQ(GetParam().make()->device().uid, device.uid);
}

TEST_P(SearcherContract, ComputesTheSameWithEveryKernel) {
    const std::vector<std::string> kernels = searcher_->kernels();
    EXPECT_NE(std::find(kernels.begin(), kernels.end(), searcher_->device().kernel), kernels.end());
    const SearchJob job{challenge(), 16, {1'000, 9'000}};
    for (const std::string& kernel : kernels) {
        SCOPED_TRACE(kernel);
        searcher_->use_kernel(kernel);
        EXPECT_EQ(searcher_->device().kernel, kernel);
        expect_exact(job);
    }
    EXPECT_THROW(searcher_->use_kernel("abacus"), SearchFailed);
    EXPECT_EQ(searcher_->device().kernel, kernels.back());
}

INSTANTIATE_TEST_SUITE_P(Searchers, SearcherContract, testing::ValuesIn(subjects()),
                         [](const auto& subject) { return subject.param.name; });

}  // namespace
}  // namespace vigil
