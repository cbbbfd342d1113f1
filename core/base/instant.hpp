#pragma once

#include <chrono>
#include <cstdint>

namespace vigil {

using Milliseconds = std::chrono::milliseconds;

/// A moment of the verifier's clock, whole milliseconds since the Unix epoch, UTC (protocol 1.4).
/// core never reads a clock; every function that needs the time is handed one.
using Instant = std::chrono::sys_time<Milliseconds>;

constexpr Instant instant_from_ms(std::int64_t ms) { return Instant{Milliseconds{ms}}; }
constexpr std::int64_t to_ms(Instant t) { return t.time_since_epoch().count(); }

}  // namespace vigil
