#include "tests/node/scripted_verifier.hpp"

#include <grpcpp/grpcpp.h>
#include <thread>

#include "core/base/ids.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::node::test {

namespace v1 = vigil::v1;
using Stream = grpc::ServerReaderWriter<v1::SessionResponse, v1::SessionRequest>;

const SigningKey scripted_receipt_key{KeySeed{{42}}};

namespace {

grpc::Status refusal(grpc::StatusCode code, wire::RefusalReason reason,
                     const std::string& message) {
    return {code, message, wire::refusal_details(code, {reason, message, {}, {}})};
}

SignedAnswer read_answer(const NetworkId& network, const v1::SignedAnswer& message) {
    const auto answer = wire::answer_from_proto(message).value();
    return {{}, answer.answer, answer_id(signed_bytes(network, answer.answer)), answer.signature};
}

Receipt receipt_for(const NetworkId& network, const SignedAnswer& answer) {
    const Instant received = instant_from_ms(1'700'000'000'500);
    return {answer.id, received,
            scripted_receipt_key.sign(receipt_bytes(network, answer.id, received))};
}

/// As a verifier does: the receipt, and beside it a verdict for each proof.
template <typename Message>
void reply_with_receipt(Message& message, const NetworkId& network, const SignedAnswer& answer) {
    *message.mutable_receipt() = wire::to_proto(receipt_for(network, answer));
    for (const Proof& proof : answer.answer.proofs)
        *message.add_verdicts() = wire::to_proto(JudgedCheck{
            proof.device, CheckKind::roll_call, 1, Verdict::passed, 10, 9, "with its receipt"});
}

}  // namespace

struct ScriptedVerifier::Running : v1::NodeService::Service, v1::QueryService::Service {
    explicit Running(Script& s) : script{s} {}

    Script& script;
    edge::TlsIdentity tls;
    std::unique_ptr<grpc::Server> server;
    int port = 0;
    std::mutex stream_mutex;
    Stream* stream = nullptr;  // guarded by stream_mutex

    Instant time() const {
        const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
        return now + Milliseconds{script.clock_ahead_ms};
    }
    v1::Network network() {
        const std::lock_guard lock{script.mutex};
        wire::Network network = script.network;
        network.time = time();
        return wire::to_proto(network);
    }
    NetworkId id() {
        const std::lock_guard lock{script.mutex};
        return script.network.id;
    }

    grpc::Status GetNetwork(grpc::ServerContext*, const v1::GetNetworkRequest*,
                            v1::GetNetworkResponse* response) override {
        *response->mutable_network() = network();
        return grpc::Status::OK;
    }

    grpc::Status Enrol(grpc::ServerContext*, const v1::EnrolRequest* request,
                       v1::EnrolResponse* response) override {
        const auto enrolment = wire::enrolment_from_bytes(request->enrolment());
        if (!enrolment)
            return refusal(grpc::INVALID_ARGUMENT, enrolment.error().reason,
                           enrolment.error().message);
        const auto signature = wire::fixed_from_proto<Signature>(request->signature(), "signature");
        if (!signature || !VerifyingKey{enrolment->key}.verifies(
                              wire::enrol_text(id(), request->enrolment()), *signature)) {
            ++script.bad_signatures;
            return refusal(grpc::UNAUTHENTICATED, wire::RefusalReason::wrong_signature,
                           "not your key");
        }
        const std::lock_guard lock{script.mutex};
        script.enrolments.push_back(*enrolment);
        if (!script.enrol_refusals.empty()) {
            const auto reason = script.enrol_refusals.front();
            script.enrol_refusals.pop_front();
            return refusal(grpc::FAILED_PRECONDITION, reason, "the test says so");
        }
        script.enrolled = true;
        response->set_node_id(wire::raw(node_id(enrolment->key)));
        return grpc::Status::OK;
    }

    grpc::Status Session(grpc::ServerContext*, Stream* peer) override {
        if (!script.sessions_work) return {grpc::UNAVAILABLE, "no streams today"};
        wire::SessionNonce nonce;
        nonce.bytes.fill(0x5a);
        v1::SessionResponse hello;
        hello.mutable_hello()->set_session_nonce(wire::raw(nonce));
        hello.mutable_hello()->set_network_id(wire::raw(id()));
        hello.mutable_hello()->set_time_ms(to_ms(time()));
        peer->Write(hello);
        v1::SessionRequest request;
        if (!peer->Read(&request) || !request.has_open())
            return {grpc::INVALID_ARGUMENT, "no opening"};
        if (!script.enrolled)
            return refusal(grpc::NOT_FOUND, wire::RefusalReason::unknown_node,
                           "this node is not enrolled here");
        if (!opening_is_signed(request.open(), nonce)) {
            ++script.bad_signatures;
            return refusal(grpc::UNAUTHENTICATED, wire::RefusalReason::wrong_signature,
                           "not your key");
        }
        v1::SessionResponse opened;
        *opened.mutable_opened()->mutable_network() = network();
        {
            const std::lock_guard lock{script.mutex};
            for (const OpenCheck& check : script.open_checks)
                *opened.mutable_opened()->add_open_checks() = wire::to_proto(check);
        }
        ++script.sessions_opened;
        {
            const std::lock_guard lock{stream_mutex};
            peer->Write(opened);
            stream = peer;
        }
        if (const unsigned after = script.reconnect_after_ms.exchange(0)) {
            v1::SessionResponse reconnect;
            reconnect.mutable_reconnect()->set_after_ms(after);
            reconnect.mutable_reconnect()->set_why("maintenance");
            peer->Write(reconnect);
        } else {
            while (peer->Read(&request)) take(request, peer);
        }
        const std::lock_guard lock{stream_mutex};
        if (stream == peer) stream = nullptr;
        return grpc::Status::OK;
    }

    bool opening_is_signed(const v1::SessionOpen& open, const wire::SessionNonce& nonce) {
        const auto node = wire::fixed_from_proto<NodeId>(open.node_id(), "node_id");
        const auto signature = wire::fixed_from_proto<Signature>(open.signature(), "signature");
        const NetworkId network_here = id();
        const std::lock_guard lock{script.mutex};
        return node && signature && !script.enrolments.empty() &&
               *node == node_id(script.enrolments.back().key) &&
               VerifyingKey{script.enrolments.back().key}.verifies(
                   wire::session_text(network_here, nonce, *node), *signature);
    }

    void take(const v1::SessionRequest& request, Stream* peer) {
        v1::SessionResponse response;
        if (request.has_ping()) {
            if (script.silent) return;
            std::this_thread::sleep_for(Milliseconds{script.pongs_late_ms});
            response.mutable_pong()->set_node_time_ms(request.ping().node_time_ms());
            response.mutable_pong()->set_verifier_time_ms(to_ms(time()));
        } else {
            const SignedAnswer answer = read_answer(id(), request.answer());
            reply_with_receipt(response, id(), answer);
            const std::lock_guard lock{script.mutex};
            script.streamed.push_back(answer);
            if (!script.receipts) return;
        }
        const std::lock_guard lock{stream_mutex};
        peer->Write(response);
    }

    grpc::Status GetOpenChecks(grpc::ServerContext*, const v1::GetOpenChecksRequest*,
                               v1::GetOpenChecksResponse* response) override {
        ++script.polls;
        const std::lock_guard lock{script.mutex};
        for (const OpenCheck& check : script.open_checks)
            *response->add_open_checks() = wire::to_proto(check);
        response->set_time_ms(to_ms(time()));
        response->set_poll_after_ms(500);
        return grpc::Status::OK;
    }

    grpc::Status SubmitAnswers(grpc::ServerContext* context,
                               const v1::SubmitAnswersRequest* request,
                               v1::SubmitAnswersResponse* response) override {
        while (script.calls_wait && !context->IsCancelled())
            std::this_thread::sleep_for(Milliseconds{10});
        for (const auto& message : request->answers()) {
            const SignedAnswer answer = read_answer(id(), message);
            reply_with_receipt(*response->add_outcomes(), id(), answer);
            const std::lock_guard lock{script.mutex};
            script.called.push_back(answer);
        }
        return grpc::Status::OK;
    }

    grpc::Status Retire(grpc::ServerContext*, const v1::RetireRequest* request,
                        v1::RetireResponse* response) override {
        const auto device = wire::fixed_from_proto<DeviceId>(request->device_id(), "device_id");
        const auto signature = wire::fixed_from_proto<Signature>(request->signature(), "signature");
        const NetworkId network_here = id();
        const std::lock_guard lock{script.mutex};
        const bool good =
            device && signature && !script.enrolments.empty() &&
            VerifyingKey{script.enrolments.back().key}.verifies(
                wire::retire_text(network_here, {*device, request->sequence()}), *signature);
        if (!good)
            return refusal(grpc::UNAUTHENTICATED, wire::RefusalReason::wrong_signature,
                           "not your key");
        response->set_retired_from_day(20'002);
        return grpc::Status::OK;
    }

    void write(const v1::SessionResponse& response) {
        const std::lock_guard lock{stream_mutex};
        if (stream) stream->Write(response);
    }
};

ScriptedVerifier::ScriptedVerifier(Script& script, const std::filesystem::path& folder, int port)
    : running_{std::make_unique<Running>(script)} {
    std::filesystem::create_directories(folder);
    running_->tls = edge::load_or_create_tls(folder / "cert.pem", folder / "key.pem", {});
    grpc::SslServerCredentialsOptions ssl;
    ssl.pem_key_cert_pairs.push_back({running_->tls.key_pem, running_->tls.certificate_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::SslServerCredentials(ssl),
                             &running_->port);
    builder.RegisterService(static_cast<v1::NodeService::Service*>(running_.get()));
    builder.RegisterService(static_cast<v1::QueryService::Service*>(running_.get()));
    running_->server = builder.BuildAndStart();
    if (!running_->server) throw std::runtime_error{"the scripted verifier cannot listen"};
}

ScriptedVerifier::~ScriptedVerifier() { stop(); }

std::string ScriptedVerifier::address() const {
    return "127.0.0.1:" + std::to_string(running_->port);
}
int ScriptedVerifier::port() const { return running_->port; }
const edge::TlsIdentity& ScriptedVerifier::tls() const { return running_->tls; }

void ScriptedVerifier::tell(const OpenCheck& check) {
    v1::SessionResponse response;
    *response.mutable_check() = wire::to_proto(check);
    running_->write(response);
}

void ScriptedVerifier::judge(const JudgedCheck& judged) {
    v1::SessionResponse response;
    *response.mutable_judged() = wire::to_proto(judged);
    running_->write(response);
}

void ScriptedVerifier::stop() {
    if (!running_->server) return;
    running_->server->Shutdown(std::chrono::system_clock::now());  // cancels what is open
    running_->server->Wait();
    running_->server.reset();
}

}  // namespace vigil::node::test
