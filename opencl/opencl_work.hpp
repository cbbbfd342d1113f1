#pragma once

#include <CL/cl.h>
#include <memory>

#include "core/work/launches.hpp"
#include "core/work/searcher.hpp"

namespace vigil::opencl {

/// A searcher on one device, its kernel compiled: eight nonces at a time or one. Throws
/// SearchFailed.
std::unique_ptr<Searcher> open_device(cl_device_id device, const DeviceDescription& description,
                                      bool vectors, LaunchLimits limits);

}  // namespace vigil::opencl
