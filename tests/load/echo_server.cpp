#include <absl/synchronization/mutex.h>
#include <deque>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <thread>

#include "tests/load/echo.hpp"

namespace vigil::load {
namespace {

/// One stream: read, write, read.
class EchoStream {
public:
    using Done = std::function<void(bool)>;

    EchoStream(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue,
               const grpc::ByteBuffer& reply)
        : service_{service}, queue_{queue}, reply_{reply} {
        service_.RequestCall(&context_, &stream_, &queue_, &queue_, &accepted_);
    }

private:
    void accept(bool ok) {
        if (!ok) return;
        new EchoStream{service_, queue_, reply_};
        stream_.Read(&message_, &read_);
    }
    void write(bool ok) {
        if (ok)
            stream_.Write(reply_, &written_);
        else
            stream_.Finish(grpc::Status::OK, &finished_);
    }
    void read(bool ok) {
        if (ok)
            stream_.Read(&message_, &read_);
        else
            stream_.Finish(grpc::Status::OK, &finished_);
    }

    grpc::AsyncGenericService& service_;
    grpc::ServerCompletionQueue& queue_;
    const grpc::ByteBuffer& reply_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_{&context_};
    grpc::ByteBuffer message_;
    Done accepted_{[this](bool ok) { accept(ok); }}, read_{[this](bool ok) { write(ok); }},
        written_{[this](bool ok) { read(ok); }}, finished_{[this](bool) { delete this; }};
};

}  // namespace

void serve_echo(const EchoOptions& options) {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::AsyncGenericService service;
    grpc::ServerBuilder builder;
    auto credentials = grpc::InsecureServerCredentials();
    if (options.tls) {
        grpc::SslServerCredentialsOptions ssl;
        ssl.pem_key_cert_pairs.push_back({options.tls->key_pem, options.tls->certificate_pem});
        credentials = grpc::SslServerCredentials(ssl);
    }
    builder.AddListeningPort("127.0.0.1:" + std::to_string(options.port), credentials);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // as the verifier does
    builder.RegisterAsyncGenericService(&service);
    std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
    for (unsigned i = 0; i < options.threads; ++i) queues.push_back(builder.AddCompletionQueue());
    const auto server = builder.BuildAndStart();
    if (!server) throw std::runtime_error{"the echo cannot listen"};
    const grpc::Slice slice{std::string(options.reply_bytes, 'r')};
    const grpc::ByteBuffer reply{&slice, 1};
    std::vector<std::jthread> threads;
    for (const auto& queue : queues)
        threads.emplace_back([&] {
            new EchoStream{service, *queue, reply};
            void* tag{};
            bool ok{};
            while (queue->Next(&tag, &ok)) (*static_cast<EchoStream::Done*>(tag))(ok);
        });
}

}  // namespace vigil::load
