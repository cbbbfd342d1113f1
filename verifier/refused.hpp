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

}  // namespace vigil::verifier
