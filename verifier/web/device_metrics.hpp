#pragma once

#include <string>

#include "verifier/roster.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// Prometheus text with a few series for each device, written directly: a metric object for each
/// would cost more memory than the devices themselves. Any thread; throws StoreFailed.
std::string device_metrics(Store& store, const Roster& roster);

}  // namespace vigil::verifier
