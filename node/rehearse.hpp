#pragma once

#include <filesystem>
#include <functional>

#include "node/device_worker.hpp"

/// Dishonest owners, for demonstrations and operators' drills: `vigil-node rehearse`. Everything
/// else about such a node is the real program; only where its proofs come from differs.
namespace vigil::node {

/// Works for roll calls and calibrations; answers the other checks at once with any k nonces.
ProofSource lazy_source();

/// Works for its calibration only. Answers every other check with the proofs that `stolen` (another
/// node's answers.log) held last, and then with its own calibration once more. `post` sends an
/// answer beside the usual way.
ProofSource replayer_source(std::filesystem::path stolen,
                            std::function<void(const Answer&, const DeviceCheck&)> post);

}  // namespace vigil::node
