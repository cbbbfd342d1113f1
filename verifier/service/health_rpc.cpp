#include "verifier/service/health_rpc.hpp"

#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

using Request = grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;
using Check = UnaryCall<Request, Response>;
using Watch = UnaryCall<Request, Response, grpc::ServerAsyncWriter<Response>>;

void check(const Parts& parts, Check& call) {
    if (!call.request.service().empty())
        return call.finish(
            {grpc::StatusCode::NOT_FOUND, "ask for the server as a whole: an empty service"});
    call.response.set_status(parts.draining ? Response::NOT_SERVING : Response::SERVING);
    call.finish(grpc::Status::OK);
}

}  // namespace

std::vector<NetworkThread::Listen> HealthRpc::methods() {
    return {Check::listening(
                {.request =
                     [this](auto* context, auto* request, auto* writer, auto* queue, void* tag) {
                         RequestCheck(context, request, writer, queue, queue, tag);
                     },
                 .begin = [this](Check& call) { check(parts_, call); }}),
            Watch::listening(
                {.request =
                     [this](auto* context, auto* request, auto* writer, auto* queue, void* tag) {
                         RequestWatch(context, request, writer, queue, queue, tag);
                     },
                 .begin =
                     [](Watch& call) {
                         call.finish({grpc::StatusCode::UNIMPLEMENTED, "use Check"});
                     }})};
}

}  // namespace vigil::verifier
