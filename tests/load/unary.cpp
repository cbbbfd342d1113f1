#include "tests/load/unary.hpp"

#include <utility>

namespace vigil::load {
namespace {

struct Call {
    grpc::ClientContext context;
    std::unique_ptr<grpc::GenericStub> stub;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer response;
    grpc::Status status;
    UnaryReply reply;
    Loop::Done done;
};

}  // namespace

void call(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, const char* method,
          const grpc::ByteBuffer& request, std::chrono::milliseconds within, UnaryReply reply) {
    auto* made = new Call;
    made->stub = std::make_unique<grpc::GenericStub>(channel);
    made->reply = std::move(reply);
    made->done = [made](bool) {
        const std::unique_ptr<Call> own{made};
        own->reply(own->status, own->response);
    };
    made->context.set_wait_for_ready(true);
    made->context.set_deadline(std::chrono::system_clock::now() + within);
    made->reader = made->stub->PrepareUnaryCall(&made->context, method, request, &loop.queue());
    made->reader->StartCall();
    made->reader->Finish(&made->response, &made->status, &made->done);
}

}  // namespace vigil::load
