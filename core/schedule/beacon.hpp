#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/schedule/calendar.hpp"

namespace vigil {

/// commit_d (protocol 3.1).
Commit commit(const NetworkId& network, DayIndex day, const DayKey& key);

/// One check of the whole fleet (protocol 3.3).
struct FleetCheck {
    SlotIndex slot;
    CheckKind kind{};  ///< roll_call or hourly
    Instant start;
    Instant deadline;
    Beacon beacon;
};

/// One check of one device (protocol 3.4). ref = window·256 + j.
struct SpotCheck {
    std::uint32_t j{};
    std::uint64_t ref{};
    Instant start;
    Instant deadline;
    Beacon beacon;
};

/// When one starts, without its beacon.
struct SpotStart {
    std::uint32_t j{};
    Instant start;
    Instant deadline;
};

/// The slots_per_window fleet checks of a window, in slot order.
std::vector<FleetCheck> fleet_checks(const Policy& policy, const DayKey& key, WindowIndex window);

/// The spot checks that are issued to a device in a window, in order of j. One whose closed
/// interval [start, deadline] meets a fleet check's or an earlier issued j's is left out.
std::vector<SpotCheck> spot_checks(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device);
/// The same for who holds the window's fleet checks already, and asks for many devices.
std::vector<SpotCheck> spot_checks(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device, std::span<const FleetCheck> fleet);
/// Half the work of spot_checks().
std::vector<SpotStart> spot_starts(const Policy& policy, const DayKey& key, WindowIndex window,
                                   const DeviceId& device, std::span<const FleetCheck> fleet);

/// Extra working time of a node for a beacon (protocol 3.7), 0 … spread inclusive.
Milliseconds extra_work(const Beacon& beacon, const NodeId& node, Milliseconds spread);

}  // namespace vigil
