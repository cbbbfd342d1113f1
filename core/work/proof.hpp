#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"

namespace vigil {

/// What one device found for one challenge (protocol 4.3).
struct Proof {
    DeviceId device;
    Challenge challenge;
    std::vector<std::uint64_t> nonces;  ///< strictly ascending in a good proof; judged, not assumed
    std::uint64_t hashes_tried{};       ///< the node's own counter; information only
    friend bool operator==(const Proof&, const Proof&) = default;
};

/// Proofs of one or several devices of a node, under one signature (protocol 4.3).
struct Answer {
    std::vector<Proof> proofs;
    friend bool operator==(const Answer&, const Answer&) = default;
};

/// The bytes an answer's signature covers.
ByteVector signed_bytes(const NetworkId& network, const Answer& answer);
/// Reads them back: for audits and for rows of the store. The error says where the text stops making sense.
Expected<Answer, std::string> answer_from_signed_bytes(const NetworkId& network, ByteSpan bytes);
AnswerId answer_id(ByteSpan signed_bytes);

/// The bytes a receipt's signature covers (protocol 9.3).
ByteVector receipt_bytes(const NetworkId& network, const AnswerId& answer, Instant received);

}  // namespace vigil
