#include "verifier/service/messages.hpp"

#include <grpcpp/grpcpp.h>

#include "core/base/require.hpp"

namespace vigil::verifier {

grpc::ByteBuffer serialised(const v1::SessionResponse& message) {
    grpc::ByteBuffer bytes;
    bool own = false;
    const grpc::Status status =
        grpc::SerializationTraits<v1::SessionResponse>::Serialize(message, &bytes, &own);
    require(status.ok(), "a message of ours serialises");
    return bytes;
}

bool parse(grpc::ByteBuffer& bytes, v1::SessionRequest& message) {
    return grpc::SerializationTraits<v1::SessionRequest>::Deserialize(&bytes, &message).ok();
}

v1::SessionResponse check_message(const wire::OpenCheck& check) {
    v1::SessionResponse message;
    *message.mutable_check() = to_proto(check);
    return message;
}

v1::SessionResponse judged_message(const wire::JudgedCheck& verdict) {
    v1::SessionResponse message;
    *message.mutable_judged() = to_proto(verdict);
    return message;
}

v1::SessionResponse reply_message(const AnswerReply& reply) {
    v1::SessionResponse message;
    fill(message, reply);
    return message;
}

v1::SessionResponse reconnect_message(Milliseconds after, const std::string& why) {
    v1::SessionResponse message;
    message.mutable_reconnect()->set_after_ms(static_cast<std::uint32_t>(after.count()));
    message.mutable_reconnect()->set_why(why);
    return message;
}

}  // namespace vigil::verifier
