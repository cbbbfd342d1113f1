#pragma once

#include <grpcpp/support/status.h>

#include "verifier/answers.hpp"

namespace vigil::verifier {

/// A refusal as an RPC error: code, sentence, and google.rpc details in grpc-status-details-bin.
grpc::Status rpc_status(const Refusal& refusal);

}  // namespace vigil::verifier
