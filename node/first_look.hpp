#pragma once

#include "node/board.hpp"
#include "node/devices.hpp"
#include "node/kernel_choice.hpp"

namespace vigil::node {

struct LookTerms {
    Milliseconds patience{30'000};  ///< four times that where kernels are to be measured
    KernelMemory* kernels{};        ///< nullptr: devices keep the kernel they came with
};

/// The reference check and a short measurement of every device at once; rates, kernels and failures
/// are entered in `statuses`, in the same order. Where `kernels` does not know a device's fastest
/// kernel, that is measured and entered there. A device that fails is reported and kept: it may
/// come back. One that has not answered in time is left to itself: in its place stands a searcher
/// that fails until the device is back.
void look_at(OwnDevices& devices, std::vector<DeviceStatus>& statuses, const LookTerms& terms = {});

}  // namespace vigil::node
