#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/enrolment_bytes.hpp"
#include "proto/messages.hpp"
#include "vigil/v1/node.pb.h"

/// The one translation between generated messages and core's types. `x_from_proto` checks counts
/// and lengths before anything is copied; what it refuses is `malformed` or `too_large`, with the
/// field's name in the sentence. Heavy: included by verifier/service and node/verifier_link.cpp
/// only.
namespace vigil::wire {

vigil::v1::CheckKind to_proto(CheckKind kind);
vigil::v1::Verdict to_proto(Verdict verdict);
vigil::v1::Backend to_proto(Backend backend);
vigil::v1::RefusalReason to_proto(RefusalReason reason);
Expected<CheckKind, Refusal> check_kind_from_proto(vigil::v1::CheckKind kind);
Expected<Verdict, Refusal> verdict_from_proto(vigil::v1::Verdict verdict);
Expected<Backend, Refusal> backend_from_proto(vigil::v1::Backend backend);
Expected<RefusalReason, Refusal> reason_from_proto(vigil::v1::RefusalReason reason);

/// The raw bytes of an id, hash, key or signature, as protobuf wants them.
template <std::size_t N, class Tag>
std::string raw(const FixedBytes<N, Tag>& bytes) {
    return {reinterpret_cast<const char*>(bytes.bytes.data()), N};
}
/// Exactly the right number of bytes, or `malformed` naming the field.
template <class Fixed>
Expected<Fixed, Refusal> fixed_from_proto(std::string_view bytes, std::string_view field) {
    auto fixed = from_bytes<Fixed>(bytes);
    if (fixed) return *fixed;
    return tl::unexpected{
        Refusal{RefusalReason::malformed, std::string{field} + ": " + fixed.error(), {}, {}}};
}

vigil::v1::SignedAnswer to_proto(const SignedAnswer& answer);
Expected<SignedAnswer, Refusal> answer_from_proto(const vigil::v1::SignedAnswer& message);

vigil::v1::OpenCheck to_proto(const OpenCheck& check);
Expected<OpenCheck, Refusal> open_check_from_proto(const vigil::v1::OpenCheck& message);

vigil::v1::Receipt to_proto(const Receipt& receipt);
Expected<Receipt, Refusal> receipt_from_proto(const vigil::v1::Receipt& message);

vigil::v1::Refusal to_proto(const Refusal& refusal);
Expected<Refusal, Refusal> refusal_from_proto(const vigil::v1::Refusal& message);

vigil::v1::JudgedCheck to_proto(const JudgedCheck& judged);
Expected<JudgedCheck, Refusal> judged_from_proto(const vigil::v1::JudgedCheck& message);

vigil::v1::Network to_proto(const Network& network);
Expected<Network, Refusal> network_from_proto(const vigil::v1::Network& message);

/// A refused RPC's error details: a serialised google.rpc.Status with ErrorInfo (domain "vigil",
/// reason "WRONG_SIGNATURE") and, where asking again makes sense, RetryInfo. `code` is the gRPC
/// code.
std::string refusal_details(int code, const Refusal& refusal);
/// Reads them back; `malformed` when they are not Vigil's (a proxy's error, say).
Expected<Refusal, Refusal> refusal_from_details(std::string_view details);

}  // namespace vigil::wire
