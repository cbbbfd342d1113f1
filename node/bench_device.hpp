#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "node/bench.hpp"
#include "node/kernel_choice.hpp"

/// What `vigil-node bench` measures and prints: every kernel of a device, one after the other.
namespace vigil::node {

struct KernelBench {
    std::string kernel;
    std::string failure;             ///< of the compiler, the reference check or the search
    std::vector<double> rates;       ///< hashes a second of each figure, in order
    std::vector<double> long_rates;  ///< of each ten figures in a row
    /// Of a processor: CPU time of all threads for one hash, by the clock measured between
    /// launches. Absent when the clock did not hold still.
    std::optional<double> cycles_per_hash;
    /// Of a GPU whose instructions a hash are known and whose clock can be read: the median of
    /// `rates` by what its ALU pipes could give at that clock.
    std::optional<double> limit_fraction;
};

struct DeviceBench {
    std::string label;
    DeviceDescription device;
    std::vector<KernelBench> kernels;
    std::string run_uses;  ///< a sentence for the owner
};

struct BenchTerms {
    unsigned seconds = 10;
    Milliseconds figure{1000};
    std::string only;  ///< kernel; empty: all
    /// The device's clock now; absent where it cannot be read. Asked ten times a second.
    std::function<std::optional<std::uint32_t>()> clock_mhz;
    struct Progress {
        std::size_t kernel, kernels;  ///< index, count
        std::string name;
        unsigned done, of;  ///< figures
    };
    std::function<void(const Progress&)> progress;
};

/// The kernels of `searcher` that `terms` asks for.
std::vector<std::string> kernels_to_measure(const Searcher& searcher, const BenchTerms& terms);

/// Measures each of them, the reference check first; one that fails it is reported and passed over.
/// Leaves the searcher with the last one.
DeviceBench bench_device(const std::string& label, Searcher& searcher, const BenchTerms& terms);

/// The fastest of those that did not fail; nullptr for none.
const KernelBench* best(const DeviceBench& device);
bool any_failed(const std::vector<DeviceBench>& all);

/// Which kernel `run` takes: what it remembers, else what it is going to measure.
std::string run_uses(const DeviceBench& device, const std::string& remembered, bool all_measured);

/// Hashes a second that the ALU pipes of a CUDA device allow: 64 results a clock and SM, by the
/// instructions of the kernel (docs/benchmarks.md). Absent for any other device or kernel.
std::optional<double> alu_limit(const DeviceDescription& device, const std::string& kernel,
                                double clock_mhz);

/// Fits 80 columns unless a name is very long.
std::string bench_table(const std::vector<DeviceBench>& all);
/// {"devices":[{"uid","name","backend","threads","best","kernels":[{"name","hashes_per_second","spread_ppm",
/// "cycles_per_hash","limit_fraction"}]}]}; what was not measured is null, as are all figures of a
/// kernel that failed.
std::string bench_json(const std::vector<DeviceBench>& all);

}  // namespace vigil::node
