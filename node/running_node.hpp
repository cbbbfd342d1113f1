#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node/agent.hpp"
#include "node/config.hpp"

namespace vigil::node {

/// How a rehearsal differs: "" = honest, "lazy", "replayer".
struct Rehearsal {
    std::string as;
    std::string steal_from;
};

enum class Signal : std::uint8_t {
    none,
    stop,    ///< SIGTERM, SIGINT
    suspend  ///< SIGTSTP; only where there is a terminal
};

/// What only main may know.
struct Surroundings {
    std::function<Instant()> now;  ///< calendar clock
    /// Waits that long for a signal.
    std::function<Signal(Milliseconds)> signalled;
    std::function<void()> suspend;  ///< stops this process until it is continued
    bool terminal = false;          ///< stderr is one, for a live line
    bool colour = true;             ///< NO_COLOR is not set
    /// The command that lists this machine's devices as JSON, the settings being the same; the uids
    /// to be left out follow it, separated by commas. Empty: nobody looks for devices after the
    /// start.
    std::vector<std::string> listing;
    bool retune = false;       ///< every device's kernels are measured again
    unsigned starts_anew = 0;  ///< how often in a row run_node has asked for it; makes it patient
};

/// What run_node returns when it wants to be started anew, in a fresh process: a device has come
/// that this one's drivers do not see, or its owner wants the kernels measured again.
constexpr int start_anew = -1;
constexpr int start_anew_measuring = -2;

/// `vigil-node run`: until a signal (0), until it wants to start anew or until going on cannot help
/// (throws Fatal). On the first signal the checks taken are answered first, bounded by their
/// deadlines; the second one ends at once, with progress and answers on disk.
int run_node(const Config& config, const Rehearsal& rehearsal, const Surroundings& surroundings);

}  // namespace vigil::node
