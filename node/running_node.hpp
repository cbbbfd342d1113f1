#pragma once

#include <functional>
#include <string>

#include "node/agent.hpp"
#include "node/config.hpp"

namespace vigil::node {

/// How a rehearsal differs: "" = honest, "lazy", "replayer".
struct Rehearsal {
    std::string as;
    std::string steal_from;
};

/// What only main may know.
struct Surroundings {
    std::function<Instant()> now;  ///< calendar clock
    /// Waits that long for SIGTERM or SIGINT; true when one came.
    std::function<bool(Milliseconds)> signalled;
    bool terminal = false;  ///< stderr is one
    bool colour = true;     ///< NO_COLOR is not set
};

/// `vigil-node run`: until a signal (0) or until going on cannot help (throws Fatal). On the first
/// signal the checks taken are answered first, bounded by their deadlines; the second one ends at
/// once, with progress and answers on disk.
int run_node(const Config& config, const Rehearsal& rehearsal, const Surroundings& surroundings);

}  // namespace vigil::node
