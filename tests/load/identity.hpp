#pragma once

#include <cstdint>
#include <grpcpp/support/byte_buffer.h>
#include <span>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "proto/messages.hpp"
#include "proto/signed_texts.hpp"

namespace vigil::load {

/// Who answers: a key grown from (seed, number), so the same fleet comes back in a later run.
struct Identity {
    Identity(std::uint64_t seed, std::uint64_t number, std::size_t devices);

    SigningKey key;
    NodeId id;
    std::vector<DeviceId> devices;
};

/// An answer ready to be sent. Its bytes are a SessionRequest or a SubmitAnswersRequest.
struct Prepared {
    AnswerId id;
    grpc::ByteBuffer bytes;
};

struct Preparing {
    NetworkId network;
    std::uint32_t tries = 512;  ///< hashed for each device; the k smallest are kept
    bool unary = false;         ///< as SubmitAnswersRequest
};

/// Answers to a check for some of a node's devices, all under one signature.
Prepared prepare(const Preparing& preparing, const Identity& node, const wire::OpenCheck& check,
                 std::span<const DeviceId> devices);

grpc::ByteBuffer enrol_request(const Identity& node, const NetworkId& network);
grpc::ByteBuffer open_request(const Identity& node, const NetworkId& network,
                              const wire::SessionNonce& nonce);
grpc::ByteBuffer open_checks_request(const Identity& node);
grpc::ByteBuffer ping_request();

}  // namespace vigil::load
