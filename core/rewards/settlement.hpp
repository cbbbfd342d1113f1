#pragma once

#include <cstdint>
#include <span>

#include "core/base/bytes.hpp"
#include "core/uptime/standing.hpp"

namespace vigil {

/// What state_hash covers of one device (protocol 8.6).
struct DeviceState {
    DeviceId device;
    Standing standing;
    std::uint64_t baseline{};
};

/// state_hash(d). `devices` strictly ascending by id; anything else is a broken invariant.
Hash state_hash(const NetworkId& network, DayIndex day, std::span<const DeviceState> devices);

}  // namespace vigil
