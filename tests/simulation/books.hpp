#pragma once

#include <string>
#include <vector>

#include "verifier/schedule.hpp"

namespace vigil::verifier::simulation {

/// Recomputes every verdict, void, window, day, balance and state_hash of a store from its answers'
/// receive times, its heartbeats and its enrolments, by code of its own that shares nothing with
/// core/uptime. Returns what differs, at most 5 sentences; empty: the books are right.
std::vector<std::string> audit(Store& store);

}  // namespace vigil::verifier::simulation
