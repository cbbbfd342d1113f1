#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "node/verifier_link.hpp"

namespace vigil::node {

/// What a verifier tells anybody who asks.
struct VerifierLook {
    wire::Network network;
    std::chrono::microseconds round_trip{};  ///< of a call over an open connection
    Milliseconds clock_offset{};             ///< this clock − the verifier's
    struct Known {
        std::string uid;
        std::uint64_t baseline{};               ///< hashes a second; 0 before the first calibration
        std::optional<Instant> retired_from{};  ///< it takes no checks from then on
    };
    std::vector<Known> devices;  ///< of the node asked about, at most 1,000
};

/// Asks over a connection of its own; three calls at most. `node`: whose devices; none are asked
/// for without. Throws as ask_network does.
VerifierLook look_at_verifier(const LinkOptions& options, const std::optional<NodeId>& node,
                              const std::function<Instant()>& now);

}  // namespace vigil::node
