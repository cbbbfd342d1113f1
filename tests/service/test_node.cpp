#include "tests/service/test_node.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <thread>

#include "core/base/ids.hpp"
#include "core/schedule/challenge.hpp"
#include "core/work/best_k.hpp"
#include "core/work/pow_hash.hpp"
#include "proto/signed_texts.hpp"

namespace vigil::verifier::test {
namespace {

constexpr std::chrono::seconds call_limit{10};

void limit(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + call_limit);
}

std::string uid(std::size_t device) { return "GPU-" + std::to_string(device); }

}  // namespace

TestNode::TestNode(std::shared_ptr<grpc::Channel> channel_in, std::uint8_t seed, std::size_t count)
    : channel{std::move(channel_in)},
      stub{v1::NodeService::NewStub(channel)},
      key{KeySeed{{seed}}},
      id{node_id(key.public_key())},
      network{network_id("test")} {
    for (std::size_t i = 0; i < count; ++i) devices.push_back(device_id(key.public_key(), uid(i)));
}

wire::Enrolment TestNode::claims() const {
    wire::Enrolment claimed{.key = key.public_key(),
                            .payout = PayoutAddress{{0xab}},
                            .name = "rig",
                            .region = "eu-west",
                            .version = "1.0.0",
                            .devices = {},
                            .sequence = 1};
    for (std::size_t i = 0; i < devices.size(); ++i)
        claimed.devices.push_back({.uid = uid(i),
                                   .backend = Backend::cuda,
                                   .model = "RTX 4090",
                                   .driver = "550.1",
                                   .memory_bytes = 24ULL << 30});
    return claimed;
}

grpc::Status TestNode::enrol(std::uint64_t sequence) {
    wire::Enrolment claimed = claims();
    claimed.sequence = sequence;
    return enrol(claimed);
}

grpc::Status TestNode::enrol(const wire::Enrolment& claimed, v1::EnrolResponse* response) {
    v1::EnrolRequest request;
    request.set_enrolment(wire::enrolment_bytes(claimed));
    request.set_signature(wire::raw(key.sign(wire::enrol_text(network, request.enrolment()))));
    grpc::ClientContext context;
    limit(context);
    v1::EnrolResponse ignored;
    return stub->Enrol(&context, request, response ? response : &ignored);
}

Proof TestNode::proof(const wire::OpenCheck& check, std::size_t device, std::uint64_t tries) {
    const Challenge to_answer = challenge({.network = network,
                                           .policy = check.policy,
                                           .kind = check.kind,
                                           .ref = check.ref,
                                           .beacon = check.beacon,
                                           .device = devices.at(device)});
    BestK best{check.k};
    for (std::uint64_t nonce = 0; nonce < tries; ++nonce)
        best.offer({pow_hash(to_answer, nonce), nonce});
    Proof out{devices.at(device), to_answer, {}, tries};
    for (const Found& found : best.sorted()) out.nonces.push_back(found.nonce);
    std::sort(out.nonces.begin(), out.nonces.end());
    return out;
}

wire::SignedAnswer TestNode::answer(const wire::OpenCheck& check, std::uint64_t tries) {
    Answer answer;
    for (std::size_t i = 0; i < devices.size(); ++i)
        if (!check.device || *check.device == devices[i])
            answer.proofs.push_back(proof(check, i, tries));
    return sign(std::move(answer));
}

wire::SignedAnswer TestNode::sign(Answer answer) const {
    const Signature signature = key.sign(signed_bytes(network, answer));
    return {std::move(answer), signature};
}

grpc::Status TestNode::open_checks(v1::GetOpenChecksResponse& response) {
    grpc::ClientContext context;
    limit(context);
    v1::GetOpenChecksRequest request;
    request.set_node_id(wire::raw(id));
    return stub->GetOpenChecks(&context, request, &response);
}

std::vector<wire::OpenCheck> TestNode::open_checks() {
    v1::GetOpenChecksResponse response;
    const grpc::Status status = open_checks(response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<wire::OpenCheck> checks;
    for (const v1::OpenCheck& check : response.open_checks())
        checks.push_back(wire::open_check_from_proto(check).value());
    return checks;
}

grpc::Status TestNode::submit(const std::vector<v1::SignedAnswer>& answers,
                              v1::SubmitAnswersResponse& response) {
    grpc::ClientContext context;
    limit(context);
    v1::SubmitAnswersRequest request;
    request.set_node_id(wire::raw(id));
    for (const v1::SignedAnswer& answer : answers) *request.add_answers() = answer;
    return stub->SubmitAnswers(&context, request, &response);
}

v1::AnswerOutcome TestNode::submit(const wire::SignedAnswer& answer) {
    v1::SubmitAnswersResponse response;
    const grpc::Status status = submit({to_proto(answer)}, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.outcomes_size() == 1 ? response.outcomes(0) : v1::AnswerOutcome{};
}

grpc::Status TestNode::calibrate(std::uint64_t sequence, v1::RequestCalibrationResponse& response,
                                 std::size_t device) {
    grpc::ClientContext context;
    limit(context);
    v1::RequestCalibrationRequest request;
    request.set_node_id(wire::raw(id));
    request.set_device_id(wire::raw(devices.at(device)));
    request.set_sequence(sequence);
    request.set_signature(
        wire::raw(key.sign(wire::calibrate_text(network, {devices.at(device), sequence}))));
    return stub->RequestCalibration(&context, request, &response);
}

grpc::Status TestNode::retire(std::uint64_t sequence, v1::RetireResponse& response,
                              std::size_t device) {
    grpc::ClientContext context;
    limit(context);
    v1::RetireRequest request;
    request.set_node_id(wire::raw(id));
    request.set_device_id(wire::raw(devices.at(device)));
    request.set_sequence(sequence);
    request.set_signature(
        wire::raw(key.sign(wire::retire_text(network, {devices.at(device), sequence}))));
    return stub->Retire(&context, request, &response);
}

TestSession::TestSession(TestNode& node, std::chrono::milliseconds limit) : node_{node} {
    context_.set_deadline(std::chrono::system_clock::now() + limit);
    stream_ = node.stub->Session(&context_);
}

TestSession::~TestSession() {
    if (finished_) return;
    context_.TryCancel();
    stream_->Finish();
}

void TestSession::hello() {
    v1::SessionResponse message;
    ASSERT_TRUE(stream_->Read(&message));
    ASSERT_TRUE(message.has_hello());
    ASSERT_EQ(message.hello().network_id(), wire::raw(node_.network));
    nonce = wire::fixed_from_proto<wire::SessionNonce>(message.hello().session_nonce(), "nonce")
                .value();
}

v1::SessionOpen TestSession::opening(const std::string& version) const {
    v1::SessionOpen message;
    message.set_node_id(wire::raw(node_.id));
    message.set_signature(
        wire::raw(node_.key.sign(wire::session_text(node_.network, nonce, node_.id))));
    message.set_node_version(version);
    return message;
}

v1::SessionOpened TestSession::open(const std::string& version) {
    hello();
    EXPECT_TRUE(send(opening(version)));
    const auto opened = next(v1::SessionResponse::kOpened);
    EXPECT_TRUE(opened.has_value());
    return opened ? opened->opened() : v1::SessionOpened{};
}

bool TestSession::send(const v1::SessionRequest& message) { return stream_->Write(message); }

bool TestSession::send(const v1::SessionOpen& message) {
    v1::SessionRequest request;
    *request.mutable_open() = message;
    return send(request);
}

bool TestSession::send(const wire::SignedAnswer& answer) {
    v1::SessionRequest request;
    *request.mutable_answer() = to_proto(answer);
    return send(request);
}

std::optional<v1::SessionResponse> TestSession::next(v1::SessionResponse::MessageCase kind) {
    v1::SessionResponse message;
    while (stream_->Read(&message))
        if (message.message_case() == kind) return message;
    return std::nullopt;
}

grpc::Status TestSession::finish() {
    v1::SessionResponse message;
    while (stream_->Read(&message)) continue;
    finished_ = true;
    return stream_->Finish();
}

std::vector<wire::OpenCheck> checks_of(const v1::SessionOpened& opened) {
    std::vector<wire::OpenCheck> checks;
    for (const v1::OpenCheck& check : opened.open_checks())
        checks.push_back(wire::open_check_from_proto(check).value());
    return checks;
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    return true;
}

std::optional<wire::Refusal> refusal_of(const grpc::Status& status) {
    const auto refusal = wire::refusal_from_details(status.error_details());
    return refusal ? std::optional{*refusal} : std::nullopt;
}

bool verifies(const v1::Receipt& receipt, const wire::SignedAnswer& answer,
              const NetworkId& network, const PublicKey& receipt_key) {
    const auto read = wire::receipt_from_proto(receipt);
    return read && read->answer == answer_id(signed_bytes(network, answer.answer)) &&
           VerifyingKey{receipt_key}.verifies(receipt_bytes(network, read->answer, read->received),
                                              read->signature);
}

}  // namespace vigil::verifier::test
