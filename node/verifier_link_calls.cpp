#include "node/verifier_link_calls.hpp"

#include <algorithm>
#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include "core/schedule/calendar.hpp"
#include "node/identity.hpp"
#include "proto/edge/logging.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::node {

namespace v1 = vigil::v1;

namespace {

constexpr Milliseconds longest_submission{3'000};
constexpr std::int64_t longest_day = 1'000'000'000;

void set_deadline(const Line& line, Milliseconds timeout) {
    line.context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                           gpr_time_from_millis(timeout.count(), GPR_TIMESPAN)));
}

/// At one verifier after the other, until one is reached.
template <class Action>
auto or_fatal(const LinkOptions& options, Action&& action) {
    const std::vector<LinkOptions> ways = ways_of(options);
    for (auto way = ways.begin();; ++way) {
        try {
            return action(*way);
        } catch (const AttemptFailed& failed) {
            const Diagnosis& why = failed.why;
            const bool perhaps_elsewhere =
                why.exit_code == edge::exit_unreachable || why.certificate;
            if (perhaps_elsewhere && way + 1 != ways.end()) continue;
            throw edge::Fatal{why.exit_code, why.trouble.code, why.trouble.message};
        }
    }
}

}  // namespace

void fail(const LinkOptions& options, const grpc::Status& status) {
    throw AttemptFailed{
        diagnose(options, {status.error_code(), status.error_message(), status.error_details()})};
}

void fail_unreadable(const LinkOptions& options, const Refusal& refusal) {
    Diagnosis why;
    why.trouble = {"E-UNREACHABLE", options.address + " sent what this version cannot read: " +
                                        edge::for_log(refusal.message)};
    why.exit_code = edge::exit_unreachable;
    throw AttemptFailed{why};
}

wire::Network get_network(const Line& line) {
    set_deadline(line, line.options.call_timeout);
    v1::GetNetworkResponse response;
    const auto status =
        v1::QueryService::NewStub(line.channel)->GetNetwork(&line.context, {}, &response);
    if (!status.ok()) fail(line.options, status);
    auto network = wire::network_from_proto(response.network());
    if (!network) fail_unreadable(line.options, network.error());
    return *network;
}

void pin_or_warn(const std::filesystem::path& data_dir, const wire::Network& network,
                 const std::string& address) {
    try {
        pin_network(data_dir, network.id, network.name, address);
    } catch (const edge::Fatal& fatal) {
        if (fatal.code == "E-NETWORK") throw;
        spdlog::error("the network cannot be pinned: {}", fatal.what());
    } catch (const std::exception& failure) {
        spdlog::error("the network cannot be pinned: {}", failure.what());
    }
}

void enrol(const Line& line, const SigningKey& key, const NetworkId& network,
           const wire::Enrolment& claim) {
    v1::EnrolRequest request;
    request.set_enrolment(wire::enrolment_bytes(claim));
    request.set_signature(wire::raw(key.sign(wire::enrol_text(network, request.enrolment()))));
    set_deadline(line, line.options.call_timeout);
    v1::EnrolResponse response;
    const auto status =
        v1::NodeService::NewStub(line.channel)->Enrol(&line.context, request, &response);
    if (!status.ok()) fail(line.options, status);
}

Polled get_open_checks(const Line& line, const NodeId& node) {
    v1::GetOpenChecksRequest request;
    request.set_node_id(wire::raw(node));
    set_deadline(line, line.options.call_timeout);
    v1::GetOpenChecksResponse response;
    const auto status =
        v1::NodeService::NewStub(line.channel)->GetOpenChecks(&line.context, request, &response);
    if (!status.ok()) fail(line.options, status);
    Polled polled{{}, instant_from_ms(response.time_ms()), Milliseconds{response.poll_after_ms()}};
    for (const auto& message : response.open_checks()) {
        const auto check = wire::open_check_from_proto(message);
        if (!check) fail_unreadable(line.options, check.error());
        polled.checks.push_back(*check);
    }
    return polled;
}

Expected<Submitted, CallFailed> submit_answers(const Line& line, const NodeId& node,
                                               std::span<const SignedAnswer> answers) {
    v1::SubmitAnswersRequest request;
    request.set_node_id(wire::raw(node));
    for (const SignedAnswer& answer : answers)
        *request.add_answers() =
            wire::to_proto(wire::SignedAnswer{answer.answer, answer.signature});
    set_deadline(line, std::min(line.options.call_timeout / 2, longest_submission));
    v1::SubmitAnswersResponse response;
    const auto status =
        v1::NodeService::NewStub(line.channel)->SubmitAnswers(&line.context, request, &response);
    if (!status.ok())
        return tl::unexpected{CallFailed{
            status.error_message(), status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED}};
    Submitted submitted;
    for (const auto& outcome : response.outcomes()) {
        if (outcome.has_receipt()) {
            const auto receipt = wire::receipt_from_proto(outcome.receipt());
            if (!receipt) return tl::unexpected{CallFailed{receipt.error().message, false}};
            submitted.outcomes.emplace_back(*receipt);
        } else {
            const auto refusal = wire::refusal_from_proto(outcome.refusal());
            if (!refusal) return tl::unexpected{CallFailed{refusal.error().message, false}};
            submitted.outcomes.emplace_back(*refusal);
        }
        for (const auto& message : outcome.verdicts()) {
            const auto verdict = wire::judged_from_proto(message);
            if (verdict)
                submitted.verdicts.push_back(*verdict);
            else  // for the log only: no reason to do without the receipts
                spdlog::warn("a verdict of the verifier cannot be read: {}",
                             edge::for_log(verdict.error().message));
        }
    }
    return submitted;
}

wire::Network ask_network(const LinkOptions& options) {
    return or_fatal(options, [](const LinkOptions& way) {
        grpc::ClientContext context;
        return get_network({way, open_channel(way), context});
    });
}

std::optional<Instant> begin_of_day(const wire::Network& network, std::int64_t day) {
    const auto policy = policy_from_canonical(network.policy_text);
    if (!policy || day < 0 || day >= longest_day) return std::nullopt;
    return Calendar{*policy}.span(DayIndex{day}).begin;
}

Retirement retire_device(const LinkOptions& options, const LinkIdentity& identity,
                         const DeviceId& device, std::uint64_t sequence) {
    return or_fatal(options, [&](const LinkOptions& way) {
        const auto channel = open_channel(way);
        grpc::ClientContext asking;
        const wire::Network network = get_network({way, channel, asking});
        pin_or_warn(identity.data_dir, network, way.address);
        v1::RetireRequest request;
        request.set_node_id(wire::raw(identity.node));
        request.set_device_id(wire::raw(device));
        request.set_sequence(sequence);
        request.set_signature(
            wire::raw(identity.key.sign(wire::retire_text(network.id, {device, sequence}))));
        grpc::ClientContext context;
        set_deadline({way, channel, context}, way.call_timeout);
        v1::RetireResponse response;
        const auto status = v1::NodeService::NewStub(channel)->Retire(&context, request, &response);
        if (!status.ok()) fail(way, status);
        Retirement out{.day = response.retired_from_day(), .from = std::nullopt};
        out.from = begin_of_day(network, out.day);
        return out;
    });
}

}  // namespace vigil::node
