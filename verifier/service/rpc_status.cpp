#include "verifier/service/rpc_status.hpp"

#include "core/base/require.hpp"
#include "proto/wire.hpp"

namespace vigil::verifier {
namespace {

grpc::StatusCode code_of(RefusalReason reason) {
    switch (reason) {
        case RefusalReason::malformed:
        case RefusalReason::too_large:
        case RefusalReason::bad_payout_address:
            return grpc::StatusCode::INVALID_ARGUMENT;
        case RefusalReason::wrong_signature:
            return grpc::StatusCode::UNAUTHENTICATED;
        case RefusalReason::unknown_node:
        case RefusalReason::unknown_device:
        case RefusalReason::unknown_challenge:
        case RefusalReason::not_found:
            return grpc::StatusCode::NOT_FOUND;
        case RefusalReason::foreign_challenge:
            return grpc::StatusCode::PERMISSION_DENIED;
        case RefusalReason::check_closed:
        case RefusalReason::stale_enrolment:
        case RefusalReason::wrong_network:
        case RefusalReason::version_too_old:
        case RefusalReason::not_opened:
            return grpc::StatusCode::FAILED_PRECONDITION;
        case RefusalReason::busy:
        case RefusalReason::too_often:
            return grpc::StatusCode::RESOURCE_EXHAUSTED;
        case RefusalReason::unavailable:
            return grpc::StatusCode::UNAVAILABLE;
    }
    require(false, "a refusal reason out of its enumeration");
    return {};
}

}  // namespace

grpc::Status rpc_status(const Refusal& refusal) {
    const grpc::StatusCode code = code_of(refusal.reason);
    return {code, refusal.message, wire::refusal_details(code, refusal)};
}

}  // namespace vigil::verifier
