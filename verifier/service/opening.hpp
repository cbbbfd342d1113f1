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
};

/// Verifies the opening, makes the session the one of its node, tells an older one, and looks up
/// what is open for the node: a SessionOpened, serialised. On an opening thread, because it may
/// wait for the store. From its return on, checks of the node's devices are sent to the session.
Expected<grpc::ByteBuffer, Refusal> open_session(Parts& parts, const Opening& opening);

}  // namespace vigil::verifier
