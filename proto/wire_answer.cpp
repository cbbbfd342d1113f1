#include "proto/wire.hpp"
#include "proto/wire_fields.hpp"

namespace vigil::wire {

v1::SignedAnswer to_proto(const SignedAnswer& answer) {
    v1::SignedAnswer message;
    for (const Proof& proof : answer.answer.proofs) {
        v1::Proof& out = *message.add_proofs();
        out.set_device_id(raw(proof.device));
        out.set_challenge(raw(proof.challenge));
        out.mutable_nonces()->Add(proof.nonces.begin(), proof.nonces.end());
        out.set_hashes_tried(proof.hashes_tried);
    }
    message.set_signature(raw(answer.signature));
    return message;
}

Expected<SignedAnswer, Refusal> answer_from_proto(const v1::SignedAnswer& message) {
    const auto proofs = static_cast<std::size_t>(message.proofs_size());
    if (proofs == 0) return malformed("an answer without proofs");
    if (proofs > max_devices) return too_large("proofs of an answer", proofs, max_devices);
    for (const v1::Proof& proof : message.proofs()) {
        const auto nonces = static_cast<std::size_t>(proof.nonces_size());
        if (nonces > max_nonces) return too_large("nonces of a proof", nonces, max_nonces);
    }
    const auto signature = fixed_from_proto<Signature>(message.signature(), "signature");
    if (!signature) return tl::unexpected{signature.error()};

    SignedAnswer out{{}, *signature};
    out.answer.proofs.reserve(proofs);
    for (const v1::Proof& proof : message.proofs()) {
        const auto device = fixed_from_proto<DeviceId>(proof.device_id(), "device_id");
        if (!device) return tl::unexpected{device.error()};
        const auto challenge = fixed_from_proto<Challenge>(proof.challenge(), "challenge");
        if (!challenge) return tl::unexpected{challenge.error()};
        out.answer.proofs.push_back({*device,
                                     *challenge,
                                     {proof.nonces().begin(), proof.nonces().end()},
                                     proof.hashes_tried()});
    }
    return out;
}

v1::Receipt to_proto(const Receipt& receipt) {
    v1::Receipt message;
    message.set_answer_id(raw(receipt.answer));
    message.set_received_ms(to_ms(receipt.received));
    message.set_signature(raw(receipt.signature));
    return message;
}

Expected<Receipt, Refusal> receipt_from_proto(const v1::Receipt& message) {
    const auto answer = fixed_from_proto<AnswerId>(message.answer_id(), "answer_id");
    if (!answer) return tl::unexpected{answer.error()};
    const auto signature = fixed_from_proto<Signature>(message.signature(), "signature");
    if (!signature) return tl::unexpected{signature.error()};
    return Receipt{*answer, instant_from_ms(message.received_ms()), *signature};
}

}  // namespace vigil::wire
