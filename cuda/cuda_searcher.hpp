#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil::cuda {

inline constexpr LaunchLimits usual_limits{.found_capacity = 32'768, .hits_expected = 2'048};

struct Device {
    DeviceDescription description;
    /// Takes the device into use. Throws SearchFailed.
    std::function<std::unique_ptr<Searcher>(LaunchLimits)> open;
};

struct Devices {
    std::vector<Device> devices;
    std::vector<std::string> notes;  ///< sentences: why there are none, or why one is left out
};

/// Every NVIDIA device this build has machine code for. Without a driver: none, and a note.
Devices find_devices();

/// Of the toolkit this build was made with, 13000 for 13.0.
int toolkit_version();

}  // namespace vigil::cuda
