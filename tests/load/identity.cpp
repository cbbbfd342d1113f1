#include "tests/load/identity.hpp"

#include <algorithm>
#include <grpcpp/grpcpp.h>
#include <utility>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/schedule/challenge.hpp"
#include "core/work/pow_hash_many.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::load {
namespace {

constexpr const char* version = "0.1.0";

std::string uid(std::size_t device) { return "load:" + std::to_string(device); }

KeySeed seed_of(std::uint64_t seed, std::uint64_t number) {
    return as<KeySeed>(Encoder{"vigil/load/key"}.u64(seed).u64(number).hash());
}

template <class Message>
grpc::ByteBuffer serialised(const Message& message) {
    grpc::ByteBuffer bytes;
    bool own = false;
    const auto status = grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own);
    require(status.ok(), "a message of ours serialises");
    return bytes;
}

/// The k smallest of the first `tries` nonces, ascending by nonce.
std::vector<std::uint64_t> work(const Challenge& challenge, std::uint32_t k, std::uint32_t tries) {
    const std::size_t count = std::max(k, tries);
    std::vector<std::uint64_t> nonces(count);
    for (std::size_t i = 0; i < count; ++i) nonces[i] = i;
    std::vector<Hash> hashes(count);
    pow_hashes(challenge, nonces, hashes);
    std::nth_element(nonces.begin(), nonces.begin() + k - 1, nonces.end(),
                     [&](std::uint64_t a, std::uint64_t b) { return hashes[a] < hashes[b]; });
    nonces.resize(k);
    std::sort(nonces.begin(), nonces.end());
    return nonces;
}

}  // namespace

Identity::Identity(std::uint64_t seed, std::uint64_t number, std::size_t device_count)
    : key{seed_of(seed, number)}, id{node_id(key.public_key())} {
    for (std::size_t i = 0; i < device_count; ++i)
        devices.push_back(device_id(key.public_key(), uid(i)));
}

Prepared prepare(const Preparing& preparing, const Identity& node, const wire::OpenCheck& check,
                 std::span<const DeviceId> devices) {
    wire::SignedAnswer answer;
    for (const DeviceId& device : devices) {
        const Challenge to_answer = challenge({.network = preparing.network,
                                               .policy = check.policy,
                                               .kind = check.kind,
                                               .ref = check.ref,
                                               .beacon = check.beacon,
                                               .device = device});
        const std::uint32_t tries = std::max(check.k, preparing.tries);
        answer.answer.proofs.push_back({.device = device,
                                        .challenge = to_answer,
                                        .nonces = work(to_answer, check.k, tries),
                                        .hashes_tried = tries});
    }
    const ByteVector bytes = signed_bytes(preparing.network, answer.answer);
    answer.signature = node.key.sign(bytes);
    Prepared prepared{answer_id(bytes), {}};
    if (preparing.unary) {
        v1::SubmitAnswersRequest request;
        request.set_node_id(wire::raw(node.id));
        *request.add_answers() = wire::to_proto(answer);
        prepared.bytes = serialised(request);
    } else {
        v1::SessionRequest request;
        *request.mutable_answer() = wire::to_proto(answer);
        prepared.bytes = serialised(request);
    }
    return prepared;
}

grpc::ByteBuffer enrol_request(const Identity& node, const NetworkId& network) {
    wire::Enrolment claimed{.key = node.key.public_key(),
                            .payout = {},
                            .name = "load",
                            .region = "load",
                            .version = version,
                            .devices = {},
                            .sequence = 1};
    claimed.payout.bytes.fill(1);
    for (std::size_t i = 0; i < node.devices.size(); ++i)
        claimed.devices.push_back({.uid = uid(i),
                                   .backend = Backend::cpu,
                                   .model = "prepared answers",
                                   .driver = "vigil-load",
                                   .memory_bytes = 1});
    v1::EnrolRequest request;
    request.set_enrolment(wire::enrolment_bytes(claimed));
    request.set_signature(wire::raw(node.key.sign(wire::enrol_text(network, request.enrolment()))));
    return serialised(request);
}

grpc::ByteBuffer open_request(const Identity& node, const NetworkId& network,
                              const wire::SessionNonce& nonce) {
    v1::SessionRequest request;
    v1::SessionOpen& open = *request.mutable_open();
    open.set_node_id(wire::raw(node.id));
    open.set_node_version(version);
    open.set_signature(wire::raw(node.key.sign(wire::session_text(network, nonce, node.id))));
    return serialised(request);
}

grpc::ByteBuffer open_checks_request(const Identity& node) {
    v1::GetOpenChecksRequest request;
    request.set_node_id(wire::raw(node.id));
    return serialised(request);
}

grpc::ByteBuffer ping_request() {
    v1::SessionRequest request;
    request.mutable_ping();
    return serialised(request);
}

}  // namespace vigil::load
