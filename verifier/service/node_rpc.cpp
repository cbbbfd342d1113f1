#include "verifier/service/node_rpc.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "proto/wire.hpp"
#include "verifier/service/node_version.hpp"
#include "verifier/service/open_checks.hpp"
#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds retry_when_busy{1'000};

Expected<SignedDeviceRequest, Refusal> device_request(const auto& request) {
    const auto node = wire::fixed_from_proto<NodeId>(request.node_id(), "node_id");
    if (!node) return tl::unexpected{node.error()};
    const auto device = wire::fixed_from_proto<DeviceId>(request.device_id(), "device_id");
    if (!device) return tl::unexpected{device.error()};
    const auto signature = wire::fixed_from_proto<Signature>(request.signature(), "signature");
    if (!signature) return tl::unexpected{signature.error()};
    return SignedDeviceRequest{*node, {*device, request.sequence()}, *signature};
}

std::optional<Refusal> enrol(Parts& parts, const v1::EnrolRequest& request,
                             v1::EnrolResponse& response) {
    auto claimed = wire::enrolment_from_bytes(request.enrolment());
    if (!claimed) return std::move(claimed.error());
    const auto signature = wire::fixed_from_proto<Signature>(request.signature(), "signature");
    if (!signature) return signature.error();
    if (auto fault = version_fault(claimed->version, parts.options.node_versions.minimum))
        return fault;
    const Instant now = parts.clock();
    const auto enrolled =
        parts.enrolments.enrol({request.enrolment(), *signature, *std::move(claimed)}, now);
    if (!enrolled) return enrolled.error();
    response.set_node_id(wire::raw(enrolled->node));
    for (const Enrolled::Device& device : enrolled->devices) {
        v1::EnrolledDevice& out = *response.add_devices();
        out.set_uid(device.uid);
        out.set_device_id(wire::raw(device.id));
    }
    *response.mutable_network() = to_proto(parts.network(now));
    return std::nullopt;
}

std::optional<Refusal> open_checks(Parts& parts, const v1::GetOpenChecksRequest& request,
                                   v1::GetOpenChecksResponse& response) {
    const auto id = wire::fixed_from_proto<NodeId>(request.node_id(), "node_id");
    if (!id) return id.error();
    // Anybody may ask for any node, so asking changes nothing (protocol 3.5).
    auto node = parts.roster.node(*id);
    if (!node) {
        parts.roster.follow_since(std::chrono::steady_clock::now());
        node = parts.roster.node(*id);
    }
    if (!node) return Refusal{RefusalReason::unknown_node, "the node is not enrolled here", {}, {}};
    const Instant now = parts.clock();
    for (const wire::OpenCheck& check : open_checks_of(*node, parts.roster, parts.schedule, now))
        *response.add_open_checks() = to_proto(check);
    response.set_time_ms(to_ms(now));
    const auto policy = parts.schedule.policy_on(parts.schedule.calendar().day_at(now));
    response.set_poll_after_ms(static_cast<std::uint32_t>(poll_interval(*policy).count()));
    return std::nullopt;
}

std::optional<Refusal> calibrate(Parts& parts, const v1::RequestCalibrationRequest& request,
                                 v1::RequestCalibrationResponse& response) {
    const auto signed_request = device_request(request);
    if (!signed_request) return signed_request.error();
    const Instant now = parts.clock();
    const auto check = parts.enrolments.request_calibration(*signed_request, now);
    if (!check) return check.error();
    const auto device = parts.roster.device(signed_request->request.device);
    const auto told = device ? open_check(parts.schedule, *device, *check, now) : std::nullopt;
    if (!told)
        return Refusal{RefusalReason::busy, "a newer calibration was issued", {}, retry_when_busy};
    *response.mutable_check() = to_proto(*told);
    return std::nullopt;
}

using Submission = UnaryCall<v1::SubmitAnswersRequest, v1::SubmitAnswersResponse>;

/// Waits for the replies of one SubmitAnswers; the last one finishes the call.
struct Gathering {
    explicit Gathering(Submission& call_in)
        : call{call_in}, missing{call_in.request.answers_size()} {
        for (int i = 0; i < missing; ++i) call.response.add_outcomes();
    }
    void settle(int index, const AnswerReply& reply) {
        fill(*call.response.mutable_outcomes(index), reply);
        if (--missing == 0) call.finish(grpc::Status::OK);
    }

    Submission& call;
    std::atomic<int> missing;
};

/// Of one SubmitAnswers: how many of the answers, the first ones, may wait for a reply.
struct Admitted {
    NodeId node;
    Instant received;
    std::string peer;
    std::size_t answers{};
};

void take_answers(Parts& parts, Submission& call, const Admitted& admitted) {
    const auto& [node, received, peer, granted] = admitted;
    // All answers may be replied to before the last is looked at, which ends the call.
    const int answers = call.request.answers_size();
    const auto gathering = std::make_shared<Gathering>(call);
    const auto leave = [&parts, peer = peer, node = node] { parts.submissions.leave(peer, node); };
    for (int i = 0; i < answers; ++i) {
        if (static_cast<std::size_t>(i) >= granted) {
            parts.count(RefusalReason::busy);
            gathering->settle(i, {Refusal{RefusalReason::busy,
                                          "too many answers of this node or address wait",
                                          {},
                                          retry_when_busy},
                                  {}});
            continue;
        }
        auto answer = wire::answer_from_proto(call.request.answers(i));
        if (!answer) {
            leave();
            parts.count(answer.error().reason);
            gathering->settle(i, {answer.error(), {}});
            continue;
        }
        parts.answers.submit({.node = node,
                              .answer = std::move(answer->answer),
                              .signature = answer->signature,
                              .received = received},
                             [gathering, leave, i](const AnswerReply& reply) {
                                 leave();
                                 gathering->settle(i, reply);
                             });
    }
}

void submit(Parts& parts, Submission& call) {
    const Instant received = parts.clock();
    const auto finish = [&](const Refusal& refusal) { call.finish(refuse(parts, refusal)); };
    const auto count = static_cast<std::size_t>(call.request.answers_size());
    const auto node = wire::fixed_from_proto<NodeId>(call.request.node_id(), "node_id");
    if (!node) return finish(node.error());
    if (count == 0) return finish({RefusalReason::malformed, "no answers", {}, {}});
    if (count > wire::max_answers)
        return finish({RefusalReason::too_large,
                       std::to_string(count) + " answers where at most " +
                           std::to_string(wire::max_answers) + " are taken",
                       {},
                       {}});
    const std::string peer = parts.limited_peer(call.context);
    const Admitted admitted{*node, received, peer, parts.submissions.enter(peer, *node, count)};
    if (parts.roster.node(*node)) return take_answers(parts, call, admitted);
    // Another verifier may have enrolled it a moment ago; strangers hold up no judging. No window
    // closes over what was received (protocol 6.4), and it takes its share of what may wait.
    const auto give_up = [&parts, &call, admitted](const grpc::Status& why) {
        parts.submissions.leave(admitted.peer, admitted.node, admitted.answers);
        call.finish(why);
    };
    call.kept_place = parts.waiting.take(peer);
    if (!call.kept_place) return give_up(refuse(parts, too_many_calls));
    const auto held = parts.answers.hold(received, call.request.ByteSizeLong());
    if (!held) return give_up(refuse(parts, too_many_calls));
    const auto arrived = std::chrono::steady_clock::now();
    const bool accepted =
        parts.work.offer([&parts, &call, admitted, arrived, give_up, held = *held]() mutable {
            if (call.caller_left()) return give_up(grpc::Status::CANCELLED);
            const grpc::Status looked = status_of(parts, [&] {
                parts.roster.follow_since(arrived);
                return std::optional<Refusal>{};
            });
            if (!looked.ok()) return give_up(looked);
            held.bytes.reset();  // each answer is counted by itself now
            take_answers(parts, call, admitted);
        });
    if (!accepted) give_up(refuse(parts, too_many_calls));
}

std::optional<Refusal> retire(Parts& parts, const v1::RetireRequest& request,
                              v1::RetireResponse& response) {
    const auto signed_request = device_request(request);
    if (!signed_request) return signed_request.error();
    const auto day = parts.enrolments.retire(*signed_request, parts.clock());
    if (!day) return day.error();
    response.set_retired_from_day(day->value);
    return std::nullopt;
}

}  // namespace

std::vector<NetworkThread::Listen> NodeRpc::methods() {
    using N = NodeRpc;
    const auto on = [&parts = parts_](auto& call, WorkPool& pool) {
        call.kept_place = parts.waiting.take(parts.limited_peer(call.context));
        return call.kept_place ? &pool : nullptr;
    };
    const auto by_store = [on, &parts = parts_](auto& call) { return on(call, parts.work); };
    // Only who is unknown is looked for in the store.
    const auto by_roster = [on, &parts = parts_](auto& call) {
        const auto id = wire::fixed_from_proto<NodeId>(call.request.node_id(), "node_id");
        return on(call, id && parts.roster.node(*id) ? parts.from_memory : parts.work);
    };
    return {served_by(parts_, *this, &N::RequestEnrol, by_store, enrol),
            served_by(parts_, *this, &N::RequestGetOpenChecks, by_roster, open_checks),
            served_by(parts_, *this, &N::RequestRequestCalibration, by_store, calibrate),
            served_by(parts_, *this, &N::RequestRetire, by_store, retire),
            Submission::listening(
                {.request =
                     [this](auto* context, auto* request, auto* writer, auto* queue, void* tag) {
                         RequestSubmitAnswers(context, request, writer, queue, queue, tag);
                     },
                 .begin = [this](Submission& call) { submit(parts_, call); }})};
}

}  // namespace vigil::verifier
