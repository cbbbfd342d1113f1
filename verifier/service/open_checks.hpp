#pragma once

#include <optional>
#include <vector>

#include "proto/messages.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// Checks as nodes are told of them. A fleet check names no device (protocol 3.3).
wire::OpenCheck open_check(const WindowPlan& plan, const FleetCheck& fleet, Instant now);
/// A spot check or calibration; nothing when the schedule does not know it.
std::optional<wire::OpenCheck> open_check(Schedule& schedule, const RosterDevice& device,
                                          const ScheduledCheck& check, Instant now);

/// What a node may answer now: fleet checks once, then those of its devices.
std::vector<wire::OpenCheck> open_checks_of(const RosterNode& node, const Roster& roster,
                                            Schedule& schedule, Instant now);

/// How often a polling node should ask: half the shortest working time, so that a check it hears of
/// late is still fast enough. The same for everybody at all times: anything nearer to the truth
/// would tell when the next check starts.
Milliseconds poll_interval(const Policy& policy);

}  // namespace vigil::verifier
