#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/schedule/calendar.hpp"
#include "core/uptime/window.hpp"

namespace vigil {

/// The numbers are stored; never renumber.
enum class DayOutcome : std::uint8_t { up = 1, down = 2, excused = 3 };
std::string_view to_string(DayOutcome outcome);

/// One window of a device's day.
struct DayWindow {
    WindowOutcome outcome{};
    std::uint64_t roll_call_rate{};  ///< R of the roll call, hashes per second; counts in complete windows only
};

struct DayFacts {
    DayIndex day;
    DayIndex programme_start;
    bool enrolment_day{};
};

struct DayResult {
    DayOutcome outcome{};
    std::uint32_t counted{};  ///< N = C + V
    Ppm multiplier;
    std::uint64_t rate{};  ///< hashes per second
    Micro credit;          ///< zero unless up
    std::string reason;    ///< the arithmetic in one line
};

/// Protocol 7. `windows` has windows_per_day entries.
DayResult day_result(const Policy& policy, const DayFacts& facts, std::span<const DayWindow> windows);

/// base of protocol 7.4, micro-credits per MH/s and day.
Micro base_on(const Policy& policy, DayIndex day, DayIndex programme_start);

}  // namespace vigil
