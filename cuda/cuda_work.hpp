#pragma once

#include <memory>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil::cuda {

/// A searcher on the device of this ordinal. Throws SearchFailed.
std::unique_ptr<Searcher> open_device(int ordinal, const DeviceDescription& description,
                                      LaunchLimits limits);

}  // namespace vigil::cuda
