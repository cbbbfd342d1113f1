#pragma once

#include <string>

#include "verifier/roster.hpp"
#include "verifier/web/fleet.hpp"

namespace vigil::verifier {

/// Prometheus text with a few series for each device, written directly: a metric object for each
/// would cost more memory than the devices themselves. Owners' words and standings are as of
/// `records`, baselines as of now. Reads no store. Any thread.
std::string device_metrics(const web::FleetRecords& records, const Roster& roster);

}  // namespace vigil::verifier
