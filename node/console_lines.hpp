#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/policy.hpp"
#include "node/board.hpp"

/// What people read, as pure functions of what is known.
namespace vigil::node {

/// "roll call", "hourly check", "spot check", "calibration", "probe".
std::string_view check_words(CheckKind kind);
/// The same after "a" or "an".
std::string a_check(CheckKind kind);

/// "12.31 MH/s", "4.61 GH/s", "980 kH/s", "17 H/s"; three digits or so, for people.
std::string rate_words(double hashes_per_second);
/// "45 s", "12 min", "3 h 20 min", "4 d 6 h".
std::string time_words(Milliseconds time);

/// "gpu0 roll call passed: 12.31 MH/s (baseline 12.20 MH/s), window 3 of 6"; a verdict that costs
/// something ends with the verifier's reason.
std::string verdict_line(std::string_view label, const JudgedCheck& judged,
                         const std::optional<WindowPlace>& place);

struct LineStyle {
    bool colour = false;
    std::size_t width = 100;             ///< columns; longer lines are cut
    std::size_t most = 8;                ///< lines
    std::chrono::seconds utc_offset{0};  ///< of the times of day shown
};

/// What `run` says first, labels aligned, LF-ended.
std::string banner(const NodeStatus& status, const std::vector<std::string>& notes);
/// What stays at the foot of a terminal: a line a device, and one above them for what is amiss.
/// What does not fit is left out from the least important on, then cut.
std::vector<std::string> live_lines(const NodeStatus& status, Instant now, const LineStyle& style);
/// "16:00", and with seconds where a slot is shorter than ten minutes.
std::string clock_words(Instant time, std::chrono::seconds utc_offset, bool seconds);
/// "2026-01-31 16:00 UTC", and with seconds where they are not zero.
std::string date_words(Instant time);
/// The table of `status`.
std::string status_table(const NodeStatus& status, Instant now);
/// The rates of every device over slice, 10 s and 15 minutes, beside what the verifier knows.
std::string rate_table(const NodeStatus& status);
/// Today's windows of every device, in words, and what decided the last one.
std::string window_table(const NodeStatus& status, Instant now);
/// The devices, as `list-devices` shows them.
std::string device_table(const std::vector<DeviceStatus>& devices);

/// Columns that a text takes on a terminal: one a character.
std::size_t columns(std::string_view text);

/// Columns padded to their widest cell, two blanks between, LF-ended. The first row is the heading.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace vigil::node
