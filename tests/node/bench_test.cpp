#include "node/bench.hpp"

#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

TEST(Bench, MedianAndSpread) {
    BenchFigures b;
    b.rates = {100, 120, 110};
    EXPECT_DOUBLE_EQ(b.median(), 110);
    EXPECT_NEAR(b.spread(), 20.0 / 110, 1e-12);
    EXPECT_DOUBLE_EQ(BenchFigures{}.median(), 0);
}

/// A searcher whose whole answer is right but for one hash.
struct SlightlyWrong : Searcher {
    DeviceDescription description{"x", "x", Backend::cpu, "", "", 0, 1};
    std::uint64_t skipped = 1;
    std::uint64_t lies = 0;
    const DeviceDescription& device() const override { return description; }
    SearchResult search(const SearchJob& job, const KeepSearching&) override;
};

SearchResult SlightlyWrong::search(const SearchJob& job, const KeepSearching&) {
    test::TinySearcher honest;
    honest.pause = Milliseconds{0};
    const std::uint64_t wanted = job.range.last - job.range.first + 1;
    SearchResult result =
        honest.search(job, [&](const SearchProgress& p) { return p.hashes_tried < wanted; });
    result.mismatches = lies;
    if (skipped > 0) result.best.erase(result.best.begin());
    return result;
}

TEST(Bench, ADeviceFoundToLieFails) {
    SlightlyWrong searcher;
    searcher.skipped = 0;
    searcher.lies = 3;
    EXPECT_EQ(reference_check(searcher), "3 nonces have another hash than the device said");
}

TEST(Bench, ReferenceCheckFindsAMissingHash) {
    SlightlyWrong searcher;
    EXPECT_EQ(reference_check(searcher), "found 63 of the 64 smallest hashes");
    searcher.skipped = 0;
    EXPECT_EQ(reference_check(searcher), "");
}

TEST(Bench, ReferenceCheckReportsALostDevice) {
    test::TinySearcher searcher;
    searcher.faults->failures = 1;
    EXPECT_EQ(reference_check(searcher), "the test pulled the plug");
}

}  // namespace
}  // namespace vigil::node
