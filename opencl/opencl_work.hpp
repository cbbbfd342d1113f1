#pragma once

#include <CL/cl.h>
#include <memory>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil::opencl {

/// A searcher on one device, its first kernel compiled: one of those for processors or of those for
/// GPUs. Throws SearchFailed.
std::unique_ptr<Searcher> open_device(cl_device_id device, const DeviceDescription& description,
                                      bool processor, LaunchLimits limits);

}  // namespace vigil::opencl
