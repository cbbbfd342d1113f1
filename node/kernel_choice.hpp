#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "core/work/searcher.hpp"

namespace vigil::node {

/// One kernel of a device, measured.
struct KernelRate {
    std::string kernel;
    double hashes_per_second{};  ///< 0 where it failed
    std::string failure;         ///< of the reference check, the compiler or the search
};

/// Which kernel was fastest, by device, its driver and this program's version: whatever of these is
/// new is measured again. A file of JSON; what cannot be read in it counts as unknown, since all of
/// it can be measured. Not thread-safe.
class KernelMemory {
public:
    /// Reads the file where there is one. An empty path remembers nothing.
    KernelMemory(std::filesystem::path path, std::string version);

    /// Empty when it is not known.
    std::string kernel(const DeviceDescription& device) const;
    void remember(const DeviceDescription& device, const KernelRate& fastest);
    void forget();
    /// Writes what is known now where that has changed. A failure is a warning: all can be measured
    /// again.
    void save();

private:
    struct Known {
        std::string kernel;
        double hashes_per_second{};
    };
    std::string key(const DeviceDescription& device) const;

    std::filesystem::path path_;
    std::string version_;
    std::map<std::string, Known> known_;
    bool changed_{};
};

/// Measures the device's first three kernels, warm, by turns, for `each` in all, after a reference
/// check; uses the fastest, and says what it saw. A kernel that fails is passed over; with none
/// left, the device keeps the one it had and its failure stands in the result.
std::vector<KernelRate> measure_kernels(Searcher& searcher, Milliseconds each);

/// The fastest of those that did not fail, nullptr for none. A later one must be 2 % faster: what
/// is expected to be best stays where measuring cannot tell.
const KernelRate* fastest(const std::vector<KernelRate>& rates);

}  // namespace vigil::node
