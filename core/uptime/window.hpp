#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/policy/policy.hpp"
#include "core/uptime/judge.hpp"

namespace vigil {

/// The numbers are stored; never renumber. `voided` is the protocol's `void`.
enum class WindowOutcome : std::uint8_t {
    complete = 1, incomplete = 2, voided = 3, maintenance = 4, busy = 5, unenrolled = 6
};
std::string_view to_string(WindowOutcome outcome);

struct WindowResult {
    WindowOutcome outcome{};
    std::uint32_t misses{};
    std::string reason;  ///< with the numbers compared
};

/// Protocol 6.2 and 6.3, for a device enrolled through the whole window. `others`: final verdicts of its
/// hourly and spot checks.
WindowResult window_result(Verdict roll_call, std::span<const Verdict> others, const Policy& policy);

}  // namespace vigil
