#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "proto/signed_texts.hpp"
#include "verifier/service/parts.hpp"

namespace vigil::verifier {

/// What a node says to open its session, in order but not believed.
struct Opening {
    NodeId node;
    Signature signature;
    wire::SessionNonce nonce;
    Switchboard::Route route;  ///< of the session
    std::chrono::steady_clock::time_point arrived;
};

/// Verifies the opening, makes the session the one of its node, tells an older one, looks up what
/// is open for the node, and posts a SessionOpened, serialised, to the session. On an opening
/// thread, because that may wait for the store; a node that is unknown here is first looked for in
/// the store by a work thread, so that strangers hold up no opening. False: too many wait.
bool offer_opening(Parts& parts, const Opening& opening);

}  // namespace vigil::verifier
