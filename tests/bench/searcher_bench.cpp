#include <array>
#include <benchmark/benchmark.h>
#include <map>

#include "core/work/pow_hash.hpp"
#include "node/clock_rate.hpp"
#include "node/cpu_searcher_first_round.hpp"
#include "node/cpu_searcher_scan.hpp"
#include "node/searchers.hpp"

// Hashes a second of one core and cycles a hash, both from CPU time, so that other programs count
// little.
namespace vigil::bench {
namespace {

/// Hits are as rare as in a long search.
constexpr std::uint64_t rare = 0x0000'00ff'ffff'ffff;
const Challenge challenge{{1, 2, 3, 4, 5, 6, 7, 8}};

void report(benchmark::State& state, const node::CycleCost& cost) {
    state.counters["MH/s/core"] = 1e-6 / cost.seconds();
    state.counters["cycles/hash"] = cost.cycles();
    state.counters["cycles/hash best tenth"] = cost.cycles(0.1);
    state.counters["GHz"] = cost.cycles() / cost.seconds() * 1e-9;
}

/// The yardstick: core's readable definition.
void plain_pow_hash(benchmark::State& state) {
    constexpr std::uint64_t hashes = 500;
    node::CycleCost cost{node::thread_cpu_seconds};
    std::uint64_t nonce = 0;
    for (auto _ : state) {
        state.SetIterationTime(cost.sample(hashes, [&] {
            for (std::uint64_t i = 0; i < hashes; ++i)
                benchmark::DoNotOptimize(pow_hash(challenge, nonce++));
        }));
    }
    report(state, cost);
}

/// One thread in the innermost loop of a CPU path.
void cpu_path(benchmark::State& state, const node::CpuPath& path) {
    if (!path.supported()) return state.SkipWithError("this processor lacks it");
    const std::uint64_t hashes = std::uint64_t{1'024} * path.nonces_at_once;
    const node::FirstRound first_round = node::first_round_of(challenge);
    std::array<std::uint64_t, node::scan_capacity> found;
    node::CycleCost cost{node::thread_cpu_seconds};
    std::uint64_t first = 0;
    for (auto _ : state) {
        state.SetIterationTime(cost.sample(static_cast<double>(hashes), [&] {
            benchmark::DoNotOptimize(
                path.scan({first_round, first, first + hashes - 1, rare}, found.data()));
        }));
        first += hashes;
    }
    report(state, cost);
}

/// A searcher as the node uses it: its threads, launches, lists and merging included. For a GPU the
/// wall clock counts, for a processor its CPU time.
void searcher(benchmark::State& state, Searcher& subject, bool is_processor) {
    constexpr std::uint64_t processor_hashes = 20'000'000;
    constexpr std::uint64_t gpu_hashes = 4'000'000'000;
    const std::uint64_t hashes = is_processor ? processor_hashes : gpu_hashes;
    const SearchJob job{challenge, 256, {0, hashes - 1}};
    std::vector<double> rates;
    for (auto _ : state) {
        const double start = node::process_cpu_seconds();
        const SearchResult result = subject.search(job, [](const SearchProgress&) { return true; });
        const double wall = std::chrono::duration<double>(result.elapsed).count();
        const double seconds = is_processor ? node::process_cpu_seconds() - start : wall;
        state.SetIterationTime(seconds);
        rates.push_back(static_cast<double>(hashes) * 1e-6 / seconds);
    }
    std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                     rates.end());
    state.counters[is_processor ? "MH/s/core" : "MH/s"] = rates[rates.size() / 2];
}

}  // namespace
}  // namespace vigil::bench

int main(int argc, char** argv) {
    using namespace vigil;
    benchmark::RegisterBenchmark("pow_hash (yardstick)", bench::plain_pow_hash)
        ->UseManualTime()
        ->Iterations(1001);
    for (const node::CpuPath& path : node::cpu_paths()) {
        benchmark::RegisterBenchmark(
            ("scan/" + std::string{path.name}).c_str(),
            [&path](benchmark::State& state) { bench::cpu_path(state, path); })
            ->UseManualTime()
            ->Iterations(1001);
    }
    node::SearcherOptions options;
    options.backends = {Backend::cpu, Backend::opencl, Backend::cuda};
    const node::FoundSearchers found = node::find_searchers(options);
    for (const auto& searcher : found.searchers) {
        const DeviceDescription& device = searcher->device();
        const bool is_processor =
            device.backend == Backend::cpu || device.kernel.starts_with("ulong8");
        for (const std::string& kernel : searcher->kernels()) {
            const std::string name =
                "searcher/" + std::string{to_string(device.backend)} + "/" + kernel;
            benchmark::RegisterBenchmark(
                name.c_str(),
                [&searcher, kernel, is_processor](benchmark::State& state) {
                    searcher->use_kernel(kernel);
                    bench::searcher(state, *searcher, is_processor);
                })
                ->UseManualTime()
                ->Iterations(15);
        }
    }
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
