#pragma once

#include <grpcpp/support/byte_buffer.h>

#include "proto/wire.hpp"
#include "verifier/answers.hpp"

/// Messages of a session, serialised: a ByteBuffer shares its bytes, so one made for the whole
/// fleet costs each stream a reference.
namespace vigil::verifier {

grpc::ByteBuffer serialised(const v1::SessionResponse& message);
bool parse(grpc::ByteBuffer& bytes, v1::SessionRequest& message);  ///< false: not that message

v1::SessionResponse check_message(const wire::OpenCheck& check);
v1::SessionResponse judged_message(const wire::JudgedCheck& verdict);
v1::SessionResponse reply_message(const AnswerReply& reply);
/// Of a SessionResponse or an AnswerOutcome: receipt or refusal, and the verdicts.
template <typename Message>
void fill(Message& message, const AnswerReply& reply) {
    if (const auto* receipt = std::get_if<Receipt>(&reply.outcome))
        *message.mutable_receipt() = to_proto(*receipt);
    else
        *message.mutable_refusal() = to_proto(std::get<Refusal>(reply.outcome));
    for (const wire::JudgedCheck& verdict : reply.verdicts)
        *message.add_verdicts() = to_proto(verdict);
}
v1::SessionResponse reconnect_message(Milliseconds after, const std::string& why);

}  // namespace vigil::verifier
