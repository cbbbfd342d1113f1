#include <algorithm>
#include <google/protobuf/any.pb.h>
#include <limits>
#include <string_view>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/wire.hpp"
#include "proto/wire_fields.hpp"

namespace vigil::wire {
namespace {

constexpr std::string_view domain = "vigil";
constexpr std::string_view reason_prefix = "REFUSAL_REASON_";
constexpr std::size_t max_details = 8 * 1024;

std::string short_name(RefusalReason reason) {
    return v1::RefusalReason_Name(to_proto(reason)).substr(reason_prefix.size());
}

}  // namespace

v1::Refusal to_proto(const Refusal& refusal) {
    v1::Refusal message;
    if (refusal.answer != AnswerId{}) message.set_answer_id(raw(refusal.answer));
    message.set_reason(to_proto(refusal.reason));
    message.set_message(refusal.message);
    const auto retry = std::clamp<Milliseconds::rep>(refusal.retry_after.count(), 0,
                                                     std::numeric_limits<std::uint32_t>::max());
    message.set_retry_after_ms(static_cast<std::uint32_t>(retry));
    return message;
}

Expected<Refusal, Refusal> refusal_from_proto(const v1::Refusal& message) {
    const auto reason = reason_from_proto(message.reason());
    if (!reason) return tl::unexpected{reason.error()};
    AnswerId answer;
    if (!message.answer_id().empty()) {
        const auto id = fixed_from_proto<AnswerId>(message.answer_id(), "answer_id");
        if (!id) return tl::unexpected{id.error()};
        answer = *id;
    }
    return Refusal{*reason, message.message(), answer, Milliseconds{message.retry_after_ms()}};
}

std::string refusal_details(int code, const Refusal& refusal) {
    google::rpc::Status status;
    status.set_code(code);
    status.set_message(refusal.message);
    google::rpc::ErrorInfo info;
    info.set_reason(short_name(refusal.reason));
    info.set_domain(std::string{domain});
    if (refusal.answer != AnswerId{})
        (*info.mutable_metadata())["answer_id"] = to_hex(refusal.answer);
    status.add_details()->PackFrom(info);
    if (refusal.retry_after > Milliseconds{}) {
        google::rpc::RetryInfo retry;
        const auto ms = refusal.retry_after.count();
        retry.mutable_retry_delay()->set_seconds(ms / 1000);
        retry.mutable_retry_delay()->set_nanos(static_cast<std::int32_t>(ms % 1000 * 1'000'000));
        status.add_details()->PackFrom(retry);
    }
    return status.SerializeAsString();
}

Expected<Refusal, Refusal> refusal_from_details(std::string_view details) {
    if (details.size() > max_details)
        return too_large("bytes of error details", details.size(), max_details);
    google::rpc::Status status;
    if (!status.ParseFromArray(details.data(), static_cast<int>(details.size())))
        return malformed("the error details are not a google.rpc.Status");
    std::optional<RefusalReason> reason;
    Refusal out{{}, status.message(), {}, {}};
    for (const auto& detail : status.details()) {
        google::rpc::ErrorInfo info;
        google::rpc::RetryInfo retry;
        if (detail.UnpackTo(&info) && info.domain() == domain) {
            v1::RefusalReason named{};
            if (!v1::RefusalReason_Parse(std::string{reason_prefix} + info.reason(), &named))
                return malformed("unknown refusal reason in error details");
            const auto known = reason_from_proto(named);
            if (!known) return tl::unexpected{known.error()};
            reason = *known;
            const auto id = info.metadata().find("answer_id");
            if (id != info.metadata().end())
                if (const auto answer = from_hex<AnswerId>(id->second)) out.answer = *answer;
        } else if (detail.UnpackTo(&retry)) {
            const auto seconds =
                std::clamp<std::int64_t>(retry.retry_delay().seconds(), 0, 7 * 86'400);
            out.retry_after =
                Milliseconds{seconds * 1000 + retry.retry_delay().nanos() / 1'000'000};
        }
    }
    if (!reason) return malformed("the error details are not Vigil's");
    out.reason = *reason;
    return out;
}

}  // namespace vigil::wire
