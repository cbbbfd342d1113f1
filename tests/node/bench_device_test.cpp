#include "node/bench_device.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>

#include "core/work/pow_hash.hpp"
#include "node/clock_rate.hpp"

namespace vigil::node {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

/// A card that says it takes a millisecond for its kernel's hashes. Each launch burns some CPU
/// time, as a processor's would.
class Card final : public Searcher {
public:
    explicit Card(Backend backend = Backend::cuda) { description_.backend = backend; }

    const DeviceDescription& device() const override { return description_; }
    std::vector<std::string> kernels() const override {
        return {"interleaved", "hi-lo", "wrong", "broken"};
    }
    void use_kernel(std::string_view name) override {
        if (name == "broken") throw SearchFailed{"it does not compile"};
        description_.kernel = name;
    }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        SearchResult out;
        BestK best{job.k};
        if (job.range.last != UINT64_MAX) {  // the reference check
            for (std::uint64_t n = job.range.first; n <= job.range.last; ++n)
                best.offer({pow_hash(job.challenge, n), n});
            out.hashes_tried = job.range.last - job.range.first + 1;
            out.best = best.sorted();
            if (description_.kernel == "wrong") ++out.best[3].nonce;
            return out;
        }
        const std::map<std::string, std::uint64_t> each_ms{{"interleaved", 3'000'000},
                                                           {"hi-lo", 2'000'000}};
        for (int ms = 60;; ms += 60) {
            const double until = thread_cpu_seconds() + 0.002;
            while (thread_cpu_seconds() < until) {
            }
            out.elapsed = Milliseconds{ms};
            out.hashes_tried = static_cast<std::uint64_t>(ms) * each_ms.at(description_.kernel);
            if (!keep_searching({out.hashes_tried, out.elapsed})) return out;
        }
    }

private:
    DeviceDescription description_{"GPU-1", "Card", Backend::cuda, "1", "interleaved", 0, 16};
};

BenchTerms quick(unsigned figures) {
    BenchTerms terms;
    terms.seconds = figures;
    terms.figure = Milliseconds{600};
    return terms;
}

TEST(BenchDevice, EveryKernelIsMeasuredOrItsFailureSaid) {
    Card card;
    const DeviceBench bench = bench_device("cuda0", card, quick(3));
    ASSERT_EQ(bench.kernels.size(), 4U);
    EXPECT_EQ(bench.kernels[0].rates, (std::vector<double>(3, 3e9)));
    EXPECT_EQ(bench.kernels[1].rates, (std::vector<double>(3, 2e9)));
    EXPECT_THAT(bench.kernels[2].failure, HasSubstr("the hash in place 4 differs"));
    EXPECT_TRUE(bench.kernels[2].rates.empty());
    EXPECT_EQ(bench.kernels[3].failure, "it does not compile");
    EXPECT_EQ(best(bench)->kernel, "interleaved");
    EXPECT_TRUE(any_failed({bench}));
}

TEST(BenchDevice, OnlyTheKernelAskedFor) {
    Card card;
    BenchTerms terms = quick(1);
    terms.only = "hi-lo";
    const DeviceBench bench = bench_device("cuda0", card, terms);
    ASSERT_EQ(bench.kernels.size(), 1U);
    EXPECT_EQ(bench.kernels[0].kernel, "hi-lo");
    EXPECT_FALSE(any_failed({bench}));
    terms.only = "no such";
    EXPECT_TRUE(kernels_to_measure(card, terms).empty());
}

TEST(BenchDevice, TensAreFiguresOfTheirOwn) {
    Card card;
    BenchTerms terms = quick(25);
    terms.only = "hi-lo";
    EXPECT_EQ(bench_device("cuda0", card, terms).kernels[0].long_rates.size(), 2U);
    EXPECT_TRUE(bench_device("cuda0", card, quick(9)).kernels[0].long_rates.empty());
}

TEST(BenchDevice, TheLimitIsThatOfTheClockReadMeanwhile) {
    Card card;
    BenchTerms terms = quick(1);
    terms.clock_mhz = [] { return std::optional{2'000U}; };
    const DeviceBench bench = bench_device("cuda0", card, terms);
    // 16 SMs × 64 results × 2 GHz by 3,833 instructions a hash.
    ASSERT_TRUE(bench.kernels[0].limit_fraction);
    EXPECT_NEAR(*bench.kernels[0].limit_fraction, 3e9 / (16 * 64 * 2e9 / 3833), 1e-9);
    EXPECT_NEAR(*bench.kernels[1].limit_fraction, 2e9 / (16 * 64 * 2e9 / 4089), 1e-9);
    EXPECT_FALSE(bench.kernels[0].cycles_per_hash);

    terms.clock_mhz = [] { return std::optional<std::uint32_t>{}; };
    EXPECT_FALSE(bench_device("cuda0", card, terms).kernels[0].limit_fraction);
}

TEST(BenchDevice, NoLimitIsClaimedWhereNoneIsKnown) {
    const DeviceDescription card{"GPU-1", "Card", Backend::cuda, "", "", 0, 132};
    EXPECT_NEAR(*alu_limit(card, "interleaved-fma", 1980), 132 * 64 * 1.98e9 / 2883, 1);
    EXPECT_FALSE(alu_limit(card, "another", 1980));
    EXPECT_FALSE(alu_limit(card, "interleaved", 0));
    DeviceDescription radeon = card;
    radeon.backend = Backend::opencl;
    EXPECT_FALSE(alu_limit(radeon, "interleaved", 1980));
}

TEST(BenchDevice, CyclesAreThoseOfTheProcessorTimeSpent) {
    Card processor{Backend::cpu};
    BenchTerms terms = quick(8);
    terms.only = "hi-lo";
    terms.clock_mhz = [] { return std::optional{2'000U}; };
    const KernelBench kernel = bench_device("cpu0", processor, terms).kernels.at(0);
    EXPECT_FALSE(kernel.limit_fraction);
    if (!kernel.cycles_per_hash) GTEST_SKIP() << "SKIPPED: this machine's clock did not hold still";
    // Two launches of 2 ms for each 120 ms' claim of 240,000,000 hashes. The fastest of several
    // looks at the clock: others use this processor, too.
    double clock = 0;
    for (int i = 0; i < 9; ++i) clock = std::max(clock, clock_rate());
    EXPECT_GT(*kernel.cycles_per_hash, 0.5 * clock * 0.004 / 240e6);
    EXPECT_LT(*kernel.cycles_per_hash, 2 * clock * 0.004 / 240e6);
}

DeviceBench measured() {
    DeviceBench bench{"cpu0", {"cpu:1", "Processor", Backend::cpu, "1", "fast", 0, 16}, {}, {}};
    bench.kernels = {{"fast", "", {100, 120, 110}, {}, 131.96, std::nullopt},
                     {"slow", "", {50}, {}, std::nullopt, 0.98765},
                     {"wrong", "found 63 of the 64 smallest hashes", {}, {}, {}, {}}};
    return bench;
}

TEST(BenchDevice, JsonHasExactlyItsStableForm) {
    const auto json = nlohmann::json::parse(bench_json({measured()}));
    const auto expected = nlohmann::json::parse(R"({"devices":[{"uid":"cpu:1","name":"Processor",
        "backend":"cpu","threads":16,"best":"fast","kernels":[
        {"name":"fast","hashes_per_second":110,"spread_ppm":181818,"cycles_per_hash":132.0,"limit_fraction":null},
        {"name":"slow","hashes_per_second":50,"spread_ppm":null,"cycles_per_hash":null,"limit_fraction":0.9877},
        {"name":"wrong","hashes_per_second":null,"spread_ppm":null,"cycles_per_hash":null,"limit_fraction":null}]}]})");
    EXPECT_EQ(json, expected) << json.dump(1);
    DeviceBench nothing = measured();
    nothing.kernels.clear();
    EXPECT_TRUE(
        nlohmann::json::parse(bench_json({nothing})).at("devices").at(0).at("best").is_null());
}

TEST(BenchDevice, TheTableFitsATerminalAndShowsTheFailure) {
    DeviceBench bench = measured();
    bench.device.name = "Intel(R) Xeon(R) Platinum 8488C, a processor";
    bench.kernels[0] = {"interleaved-fma", "", {4.1234e9, 4.2e9}, {4.1e9, 4.2e9}, 131.96, 0.98};
    bench.run_uses = run_uses(bench, "", true);
    const std::string table = bench_table({bench});
    EXPECT_THAT(table, HasSubstr("FAILED: found 63 of the 64 smallest hashes"));
    EXPECT_THAT(table, HasSubstr("interleaved-fma was fastest here"));
    std::istringstream lines{table};
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(
            std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }), 80)
            << line;
}

TEST(BenchDevice, SaysWhichKernelRunUses) {
    DeviceBench bench = measured();
    EXPECT_EQ(run_uses(bench, "fast", true), "run uses fast, which it measured and remembers");
    EXPECT_THAT(run_uses(bench, "slow", true), HasSubstr("uses slow"));
    EXPECT_THAT(run_uses(bench, "slow", true), HasSubstr("--retune"));
    EXPECT_THAT(run_uses(bench, "slow", false), Not(HasSubstr("--retune")));
    EXPECT_THAT(run_uses(bench, "", true), HasSubstr("fast was fastest here"));
    EXPECT_THAT(run_uses(bench, "", false), Not(HasSubstr("fast was")));
    bench.kernels.erase(bench.kernels.begin(), bench.kernels.begin() + 2);
    EXPECT_THAT(run_uses(bench, "", true), HasSubstr("no kernel is right"));
}

}  // namespace
}  // namespace vigil::node
