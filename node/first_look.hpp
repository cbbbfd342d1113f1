#pragma once

#include "node/board.hpp"
#include "node/devices.hpp"

namespace vigil::node {

/// The reference check and a short measurement of every device at once; rates and failures are
/// entered in `statuses`, in the same order. A device that fails is reported and kept: it may come
/// back. One that has not answered after `patience` is left to itself: in its place stands a
/// searcher that fails until the device is back.
void look_at(OwnDevices& devices, std::vector<DeviceStatus>& statuses,
             Milliseconds patience = Milliseconds{10'000});

}  // namespace vigil::node
