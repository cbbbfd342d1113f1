#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/policy/policy.hpp"
#include "core/schedule/calendar.hpp"
#include "core/uptime/judge.hpp"

namespace vigil {

/// The numbers are stored; never renumber. `voided` is the protocol's `void`.
enum class WindowOutcome : std::uint8_t {
    complete = 1,
    incomplete = 2,
    voided = 3,
    maintenance = 4,
    busy = 5,
    unenrolled = 6
};
std::string_view to_string(WindowOutcome outcome);

struct WindowResult {
    WindowOutcome outcome{};
    std::uint32_t misses{};
    std::string reason;  ///< with the numbers compared
};

/// Protocol 6.1: enrolled before the window began or as it began, and not retired before it ended.
bool enrolled_through(const Span& window, Instant enrolled, std::optional<Instant> retired);

/// Protocol 6.2 and 6.3. `roll_call`: its final verdict; nothing for a device that was not enrolled
/// through the whole window (6.1). `others`: final verdicts of its hourly and spot checks.
WindowResult window_result(std::optional<Verdict> roll_call, std::span<const Verdict> others,
                           const Policy& policy);

}  // namespace vigil
