#include "verifier/service/unary_call.hpp"

#include "verifier/service/rpc_status.hpp"

namespace vigil::verifier {

const Refusal too_many_calls{
    RefusalReason::busy, "too many calls are waiting", {}, Milliseconds{1'000}};

grpc::Status refuse(Parts& parts, const Refusal& refusal) {
    parts.count(refusal.reason);
    return rpc_status(refusal);
}

grpc::Status status_of(Parts& parts, const std::function<std::optional<Refusal>()>& work) {
    try {
        const auto refusal = work();
        return refusal ? refuse(parts, *refusal) : grpc::Status::OK;
    } catch (const StoreFailed&) {
        return refuse(parts, {RefusalReason::unavailable,
                              "the verifier's store failed; nothing was decided",
                              {},
                              Milliseconds{1'000}});
    } catch (const std::exception&) {
        return {grpc::StatusCode::INTERNAL, "internal error"};
    }
}

}  // namespace vigil::verifier
