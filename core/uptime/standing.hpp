#pragma once

#include <cstdint>

#include "core/base/micro.hpp"
#include "core/uptime/day.hpp"

namespace vigil {

/// Protocol 8: what a device carries from day to day. A new device starts with all zero.
struct Standing {
    Micro balance;
    std::uint32_t service_days{};
    std::uint32_t grace_left{};
    std::uint32_t down_run{};
    friend bool operator==(const Standing&, const Standing&) = default;
};

struct StandingStep {
    Standing after;
    Micro slashed;
    bool grace_used{};
    std::uint32_t tier{};  ///< first day of the tier that was applied; 0 when none was
};

/// One day of one device (protocol 8.1 to 8.3). Excused days change nothing.
StandingStep step(const Standing& before, DayOutcome outcome, Micro credit, const Policy& policy);

}  // namespace vigil
