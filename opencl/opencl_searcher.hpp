#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil::opencl {

inline constexpr LaunchLimits usual_limits{.found_capacity = 32'768, .hits_expected = 8'192};

struct OpenOptions {
    LaunchLimits limits{usual_limits};
    bool gpu_kernels{};  ///< also on a processor, where they are slow: for tests
};

struct Device {
    DeviceDescription description;
    bool is_processor{};
    /// Compiles the kernel for the device: seconds at the first time. Throws SearchFailed with the
    /// compiler's words.
    std::function<std::unique_ptr<Searcher>(const OpenOptions&)> open;
};

struct Devices {
    std::vector<Device> devices;
    std::vector<std::string> notes;  ///< sentences: why there are none, or why one is left out
};

/// Every usable device of every OpenCL platform of this machine. Throws nothing for what is merely
/// missing.
Devices find_devices();

}  // namespace vigil::opencl
