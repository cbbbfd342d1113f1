#pragma once

#include <functional>
#include <span>
#include <string>

#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// What the scheduler tells nodes through. The service implements them over open streams; a node
/// without a stream learns the same from polling, so nothing here may be the only way. None of them
/// blocks.
struct Outlets {
    /// A fleet check starts now: to every open stream (protocol 3.3).
    std::function<void(const WindowPlan&, const FleetCheck&)> fleet_check;
    /// A spot check or calibration of one device starts now.
    std::function<void(const RosterDevice&, const ScheduledCheck&, const CheckRule&)> device_check;
    /// A verdict that fell without an answer (missed, void), for the node's own log.
    std::function<void(const RosterDevice&, const VerdictRecord&)> judged;
};

}  // namespace vigil::verifier
