#pragma once

#include <string>
#include <utility>

#include "proto/messages.hpp"

namespace vigil::verifier {

/// A refusal of no particular answer; `retry_after` zero: never again with the same bytes.
inline tl::unexpected<wire::Refusal> refused(wire::RefusalReason reason, std::string message,
                                             Milliseconds retry_after = {}) {
    return tl::unexpected{wire::Refusal{reason, std::move(message), {}, retry_after}};
}

/// Two verifiers were asked at once; the one that is asked again knows what the other did.
inline tl::unexpected<wire::Refusal> refused_overtaken() {
    return refused(wire::RefusalReason::busy,
                   "another verifier is serving this node at this moment", Milliseconds{500});
}

}  // namespace vigil::verifier
