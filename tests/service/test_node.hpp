#pragma once

#include <chrono>
#include <cstdint>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::verifier::test {

/// A node as small as the protocol allows: signs for real, searches by brute force.
class TestNode {
public:
    TestNode(std::shared_ptr<grpc::Channel> channel, std::uint8_t seed, std::size_t devices = 1);

    wire::Enrolment claims() const;
    grpc::Status enrol(std::uint64_t sequence = 1);
    grpc::Status enrol(const wire::Enrolment& claimed, v1::EnrolResponse* response = nullptr);

    /// The proof of one device for a check it was told of: the k smallest of `tries` nonces.
    Proof proof(const wire::OpenCheck& check, std::size_t device = 0, std::uint64_t tries = 2'000);
    /// One answer for all devices the check is for.
    wire::SignedAnswer answer(const wire::OpenCheck& check, std::uint64_t tries = 2'000);
    wire::SignedAnswer sign(Answer answer) const;

    grpc::Status open_checks(v1::GetOpenChecksResponse& response);
    std::vector<wire::OpenCheck> open_checks();
    grpc::Status submit(const std::vector<v1::SignedAnswer>& answers,
                        v1::SubmitAnswersResponse& response);
    /// The only outcome of one answer.
    v1::AnswerOutcome submit(const wire::SignedAnswer& answer);
    grpc::Status calibrate(std::uint64_t sequence, v1::RequestCalibrationResponse& response,
                           std::size_t device = 0);
    grpc::Status retire(std::uint64_t sequence, v1::RetireResponse& response,
                        std::size_t device = 0);

    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<v1::NodeService::Stub> stub;
    SigningKey key;
    NodeId id;
    std::vector<DeviceId> devices;
    NetworkId network;
};

/// The stream of a node. Reads give up after ten seconds, so that no failure hangs.
class TestSession {
public:
    explicit TestSession(TestNode& node,
                         std::chrono::milliseconds limit = std::chrono::seconds{10});
    ~TestSession();

    /// Hello, open, opened; the opening's message. Fails the test when it does not come.
    v1::SessionOpened open(const std::string& version = "1.0.0");
    v1::SessionOpen opening(const std::string& version = "1.0.0") const;  ///< after hello()
    void hello();
    bool send(const v1::SessionRequest& message);
    bool send(const v1::SessionOpen& message);
    bool send(const wire::SignedAnswer& answer);
    /// The next message of this kind; others are skipped. Nothing: the stream ended.
    std::optional<v1::SessionResponse> next(v1::SessionResponse::MessageCase kind);
    /// Reads to the end.
    grpc::Status finish();

    wire::SessionNonce nonce;

private:
    TestNode& node_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>> stream_;
    bool finished_ = false;
};

std::vector<wire::OpenCheck> checks_of(const v1::SessionOpened& opened);

/// Waits, bounded, for what another thread brings about.
bool eventually(const std::function<bool()>& holds,
                std::chrono::milliseconds limit = std::chrono::seconds{5});

/// The reason in the details of a refused call; nothing when they are not ours.
std::optional<wire::Refusal> refusal_of(const grpc::Status& status);

/// Whether the receipt is the verifier's for this answer.
bool verifies(const v1::Receipt& receipt, const wire::SignedAnswer& answer,
              const NetworkId& network, const PublicKey& receipt_key);

}  // namespace vigil::verifier::test
