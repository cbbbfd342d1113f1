#pragma once

#include <functional>
#include <grpcpp/grpcpp.h>

#include "verifier/service/parts.hpp"

namespace vigil::verifier {

/// Answers a unary call on a work thread. `work` fills the response or says why not; a StoreFailed
/// becomes `unavailable`, anything else INTERNAL. A caller that left is not served; when too many
/// wait, `busy`.
grpc::ServerUnaryReactor* serve(Parts& parts, grpc::CallbackServerContext* context,
                                std::function<std::optional<Refusal>()> work);

/// A refusal as status, counted.
grpc::Status refuse(Parts& parts, const Refusal& refusal);

}  // namespace vigil::verifier
