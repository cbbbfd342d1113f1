#include "proto/wire.hpp"

#include "proto/wire_fields.hpp"

namespace vigil::wire {

v1::OpenCheck to_proto(const OpenCheck& check) {
    v1::OpenCheck message;
    message.set_kind(to_proto(check.kind));
    message.set_ref(check.ref);
    message.set_beacon(raw(check.beacon));
    if (check.device) message.set_device_id(raw(*check.device));
    message.set_k(check.k);
    message.set_work_ms(static_cast<std::uint32_t>(check.work.count()));
    message.set_spread_ms(static_cast<std::uint32_t>(check.spread.count()));
    message.set_start_ms(to_ms(check.start));
    message.set_deadline_ms(to_ms(check.deadline));
    message.set_remaining_ms(check.remaining.count());
    message.set_policy_hash(raw(check.policy));
    return message;
}

Expected<OpenCheck, Refusal> open_check_from_proto(const v1::OpenCheck& message) {
    const auto kind = check_kind_from_proto(message.kind());
    if (!kind) return tl::unexpected{kind.error()};
    const auto beacon = fixed_from_proto<Beacon>(message.beacon(), "beacon");
    if (!beacon) return tl::unexpected{beacon.error()};
    const auto policy = fixed_from_proto<PolicyHash>(message.policy_hash(), "policy_hash");
    if (!policy) return tl::unexpected{policy.error()};
    std::optional<DeviceId> device;
    if (!message.device_id().empty()) {
        const auto id = fixed_from_proto<DeviceId>(message.device_id(), "device_id");
        if (!id) return tl::unexpected{id.error()};
        device = *id;
    }
    const bool fleet = *kind == CheckKind::roll_call || *kind == CheckKind::hourly;
    if (fleet == device.has_value())
        return malformed("device_id: fleet checks have none, all others have one");
    if (message.k() < 1 || message.k() > max_nonces)
        return malformed("k: " + std::to_string(message.k()) + " is not within 1 to " +
                         std::to_string(max_nonces));
    return OpenCheck{*kind,
                     message.ref(),
                     *beacon,
                     device,
                     message.k(),
                     Milliseconds{message.work_ms()},
                     Milliseconds{message.spread_ms()},
                     instant_from_ms(message.start_ms()),
                     instant_from_ms(message.deadline_ms()),
                     Milliseconds{message.remaining_ms()},
                     *policy};
}

v1::JudgedCheck to_proto(const JudgedCheck& judged) {
    v1::JudgedCheck message;
    message.set_device_id(raw(judged.device));
    message.set_kind(to_proto(judged.kind));
    message.set_ref(judged.ref);
    message.set_verdict(to_proto(judged.verdict));
    message.set_rate(judged.rate);
    message.set_baseline(judged.baseline);
    message.set_reason(judged.reason);
    return message;
}

Expected<JudgedCheck, Refusal> judged_from_proto(const v1::JudgedCheck& message) {
    const auto device = fixed_from_proto<DeviceId>(message.device_id(), "device_id");
    if (!device) return tl::unexpected{device.error()};
    const auto kind = check_kind_from_proto(message.kind());
    if (!kind) return tl::unexpected{kind.error()};
    const auto verdict = verdict_from_proto(message.verdict());
    if (!verdict) return tl::unexpected{verdict.error()};
    return JudgedCheck{*device,         *kind,          message.ref(),
                       *verdict,        message.rate(), message.baseline(),
                       message.reason()};
}

v1::Network to_proto(const Network& network) {
    v1::Network message;
    message.set_name(network.name);
    message.set_network_id(raw(network.id));
    message.set_policy_text(network.policy_text);
    message.set_policy_hash(raw(network.policy_hash));
    message.set_receipt_key(raw(network.receipt_key));
    message.set_programme_start_day(network.programme_start_day.value);
    message.set_time_ms(to_ms(network.time));
    message.set_verifier_version(network.verifier_version);
    message.set_minimum_node_version(network.minimum_node_version);
    message.set_recommended_node_version(network.recommended_node_version);
    message.set_recommended_by(network.recommended_by);
    return message;
}

Expected<Network, Refusal> network_from_proto(const v1::Network& message) {
    const auto id = fixed_from_proto<NetworkId>(message.network_id(), "network_id");
    if (!id) return tl::unexpected{id.error()};
    const auto policy = fixed_from_proto<PolicyHash>(message.policy_hash(), "policy_hash");
    if (!policy) return tl::unexpected{policy.error()};
    const auto key = fixed_from_proto<PublicKey>(message.receipt_key(), "receipt_key");
    if (!key) return tl::unexpected{key.error()};
    return Network{message.name(),
                   *id,
                   message.policy_text(),
                   *policy,
                   *key,
                   DayIndex{message.programme_start_day()},
                   instant_from_ms(message.time_ms()),
                   message.verifier_version(),
                   message.minimum_node_version(),
                   message.recommended_node_version(),
                   message.recommended_by()};
}

}  // namespace vigil::wire
