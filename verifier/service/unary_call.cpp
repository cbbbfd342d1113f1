#include "verifier/service/unary_call.hpp"

#include <utility>

#include "verifier/service/rpc_status.hpp"

namespace vigil::verifier {
namespace {

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

}  // namespace

grpc::Status refuse(Parts& parts, const Refusal& refusal) {
    parts.count(refusal.reason);
    return rpc_status(refusal);
}

grpc::ServerUnaryReactor* serve(Parts& parts, grpc::CallbackServerContext* context,
                                std::function<std::optional<Refusal>()> work) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    const bool accepted = parts.work.offer([&parts, context, reactor, work = std::move(work)] {
        if (context->IsCancelled())
            reactor->Finish(grpc::Status::CANCELLED);
        else
            reactor->Finish(status_of(parts, work));
    });
    if (!accepted)
        reactor->Finish(refuse(
            parts, {RefusalReason::busy, "too many calls are waiting", {}, Milliseconds{1'000}}));
    return reactor;
}

}  // namespace vigil::verifier
