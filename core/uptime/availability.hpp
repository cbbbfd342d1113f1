#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/base/instant.hpp"
#include "core/uptime/judge.hpp"

namespace vigil {

constexpr Milliseconds heartbeat_every{10'000};    ///< protocol 5.9 (a)
constexpr Milliseconds heartbeat_gap_max{30'000};  ///< a gap *over* this is a verifier fault

/// Protocol 5.9 (a). `heartbeats` ascending, of all replicas together, reaching at least one entry before
/// `start` and one after `deadline` where they exist; a missing side counts as a gap without end.
/// Returns the sentence that names the gap, or nothing.
std::optional<std::string> verifier_fault(std::span<const Instant> heartbeats, Instant start, Instant deadline);

/// Counts of one fleet check (protocol 5.9 (b)).
struct FleetTurnout {
    std::uint64_t expected{};
    std::uint64_t missed{};
    std::uint64_t had_missed_before{};  ///< of the expected, those that missed the fleet check before this one
};
std::optional<std::string> fleet_fault(const FleetTurnout& turnout);

/// Whether a void rule may replace this verdict: missed, late and below_rate, never passed (5.9).
bool can_be_voided(Verdict verdict);

}  // namespace vigil
