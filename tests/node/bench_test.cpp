#include "node/bench.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

BenchFigures figures() {
    BenchFigures b;
    b.device = {"GPU-1", "Card", Backend::cuda, "1", "hi/lo", 0, 16};
    b.rates = {100, 120, 110};
    return b;
}

TEST(Bench, MedianAndSpread) {
    EXPECT_DOUBLE_EQ(figures().median(), 110);
    EXPECT_NEAR(figures().spread(), 20.0 / 110, 1e-12);
    EXPECT_DOUBLE_EQ(BenchFigures{}.median(), 0);
}

TEST(Bench, JsonHasItsStableForm) {
    const auto json = nlohmann::json::parse(bench_json({figures()}));
    const auto& device = json.at("devices").at(0);
    EXPECT_EQ(device.at("uid"), "GPU-1");
    EXPECT_EQ(device.at("backend"), "cuda");
    EXPECT_EQ(device.at("threads"), 16);
    EXPECT_EQ(device.at("best"), "hi/lo");
    const auto& kernel = device.at("kernels").at(0);
    EXPECT_EQ(kernel.at("hashes_per_second"), 110);
    EXPECT_EQ(kernel.at("spread_ppm"), 181'818);
    EXPECT_TRUE(kernel.at("cycles_per_hash").is_null());
    EXPECT_TRUE(kernel.at("limit_fraction").is_null());
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
