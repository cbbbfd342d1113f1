#pragma once

#include <string>
#include <string_view>

namespace vigil::edge {

/// Sets up spdlog's default logger on stderr. `format` "text", "json" (one object a line: time,
/// level, message) or "journal" (sd-daemon's priorities, no time); `level` trace, debug, info, warn
/// or warning, error. Throws Fatal E-CONFIG on other words. Call once, from main.
void start_logging(const std::string& format, const std::string& level);

/// Bounds what an untrusted peer can put into a log line: at most `limit` bytes, control bytes as
/// \xNN.
std::string for_log(std::string_view text, std::size_t limit = 200);

}  // namespace vigil::edge
