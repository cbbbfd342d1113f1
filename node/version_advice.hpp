#pragma once

#include <string>

#include "proto/messages.hpp"

namespace vigil::node {

/// What a network says of the version that its nodes should be. It never updates itself.
struct VersionAdvice {
    std::string recommended;  ///< "0.2.0"; empty: none, or none that can be read
    std::string by;           ///< the day, "2026-12-01"; empty: none
    bool outdated = false;    ///< this node is older than `recommended`

    /// Of an outdated node, in a sentence; `own` is its version.
    std::string words(const std::string& own) const;
};
/// Of texts that a verifier sent: what cannot be read is left out.
VersionAdvice version_advice(const std::string& own, const wire::Network& network);

}  // namespace vigil::node
