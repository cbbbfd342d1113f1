#include "verifier/judging.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds look_up_every{1'000};
constexpr std::size_t looked_up_max = 4'096;

tl::unexpected<Refusal> refused(RefusalReason reason, std::string message,
                                const AnswerId& answer = {}) {
    return tl::unexpected{Refusal{reason, std::move(message), answer, {}}};
}

/// The limits of protocol 4.3's message, and no check answered twice in it.
std::optional<Refusal> fault_of_form(const Answer& answer) {
    if (answer.proofs.empty())
        return Refusal{RefusalReason::malformed, "an answer without proofs", {}, {}};
    if (answer.proofs.size() > wire::max_devices)
        return Refusal{RefusalReason::too_large,
                       std::to_string(answer.proofs.size()) + " proofs where at most " +
                           std::to_string(wire::max_devices) + " are taken",
                       {},
                       {}};
    std::set<std::pair<DeviceId, Challenge>> seen;
    for (const Proof& proof : answer.proofs) {
        if (proof.nonces.size() > wire::max_nonces)
            return Refusal{RefusalReason::too_large,
                           std::to_string(proof.nonces.size()) + " nonces where at most " +
                               std::to_string(wire::max_nonces) + " are taken",
                           {},
                           {}};
        if (!seen.emplace(proof.device, proof.challenge).second)
            return Refusal{
                RefusalReason::malformed, "two proofs of one device for one challenge", {}, {}};
    }
    return std::nullopt;
}

VerdictRecord verdict_of(const Calendar& calendar, const ScheduledCheck& scheduled,
                         const RosterDevice& device, const Proof& proof, Instant received) {
    const Check& check = scheduled.check;
    // A calibration is compared with nothing.
    const std::uint64_t baseline =
        check.kind == CheckKind::calibration
            ? 0
            : device.baseline_for(calendar.span(scheduled.claim.window).begin);
    return {.claim = scheduled.claim,
            .challenge = check.challenge,
            .start = check.start,
            .deadline = check.deadline,
            .received = received,
            .k = check.k,
            .theta = check.theta,
            .judgement = vigil::judge(check, proof.nonces, received, baseline)};
}

}  // namespace

const RosterDevice& JudgedAnswer::device_of(const VerdictRecord& verdict) const {
    const auto claim = std::find(record.claims.begin(), record.claims.end(), verdict.claim);
    require(claim != record.claims.end(), "a verdict is on one of the answer's claims");
    return *devices[static_cast<std::size_t>(claim - record.claims.begin())];
}

Judging::Judging(Roster& roster, Schedule& schedule) : roster_{roster}, schedule_{schedule} {}

bool Judging::judgeable(const RosterDevice& device, const CheckClaim& claim) const {
    if (claim.kind == CheckKind::calibration) return true;
    if (device.as_of && *device.as_of >= claim.window - 1) return true;
    // A device that came after the window's start has no earlier roll call to wait for.
    return device.enrolled >= schedule_.calendar().span(claim.window).begin;
}

/// Once in `look_up_every` a node, so that nobody who sends what is nowhere known has it looked for
/// as often as it is sent.
bool Judging::may_look_up(const NodeId& node) {
    const std::lock_guard lock{mutex_};
    const auto now = std::chrono::steady_clock::now();
    if (looked_up_.size() >= looked_up_max)
        std::erase_if(looked_up_,
                      [&](const auto& one) { return now - one.second > look_up_every; });
    if (looked_up_.size() >= looked_up_max) return false;
    const auto [known, first] = looked_up_.try_emplace(node, now);
    if (!first && now - known->second < look_up_every) return false;
    known->second = now;
    return true;
}

Expected<JudgedAnswer, Refusal> Judging::judge(const ArrivedAnswer& arrived) {
    if (auto fault = fault_of_form(arrived.answer)) return tl::unexpected{*std::move(fault)};
    const auto node = roster_.node(arrived.node);
    if (!node) return refused(RefusalReason::unknown_node, "the node is not enrolled here");

    JudgedAnswer judged;
    judged.node = node->id;
    AnswerRecord& record = judged.record;
    record.node = node->ref;
    record.received = arrived.received;
    record.received_in = schedule_.calendar().window_at(arrived.received);
    record.signature = arrived.signature;
    record.signed_bytes = signed_bytes(schedule_.network(), arrived.answer);
    record.id = answer_id(record.signed_bytes);
    if (!node->key.verifies(record.signed_bytes, arrived.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this answer and network " +
                           to_hex(schedule_.network()),
                       record.id);

    // Another verifier may have served this node a moment ago. It has signed, and once is enough.
    bool looked_up = false, too_often = false;
    const auto look_up = [&](const DeviceId& id) {
        if (!std::exchange(looked_up, true)) {
            too_often = !may_look_up(arrived.node);
            if (too_often)
                roster_.await_refresh();
            else
                roster_.refresh(arrived.node);
        }
        return roster_.device(id);
    };
    const auto unknown = [&](RefusalReason reason, std::string message) {
        Refusal refusal{reason, std::move(message), record.id, {}};
        if (too_often) refusal.retry_after = look_up_every;
        return tl::unexpected{std::move(refusal)};
    };
    std::vector<ScheduledCheck> checks;
    for (const Proof& proof : arrived.answer.proofs) {
        auto device = roster_.device(proof.device);
        if (!device) device = look_up(proof.device);
        if (!device)
            return unknown(RefusalReason::unknown_device,
                           "device " + to_hex(proof.device) + " is not enrolled here");
        if (device->node != arrived.node)
            return refused(RefusalReason::foreign_challenge,
                           "device " + to_hex(proof.device) + " belongs to another node",
                           record.id);
        auto check = schedule_.find(*device, proof.challenge, arrived.received);
        if (!check) {
            // A calibration, or a device that came back, of which another verifier knows.
            device = look_up(proof.device);
            if (device) check = schedule_.find(*device, proof.challenge, arrived.received);
        }
        if (!check)
            return unknown(RefusalReason::unknown_challenge,
                           "device " + to_hex(proof.device) + " has no check with challenge " +
                               to_hex(proof.challenge) + " in this window or the one before");
        record.claims.push_back(check->claim);
        checks.push_back(*std::move(check));
        judged.devices.push_back(device);
    }

    bool wait = false;
    for (std::size_t i = 0; i < checks.size(); ++i)
        wait = wait || !judgeable(*judged.devices[i], checks[i].claim);
    for (std::size_t i = 0; i < checks.size(); ++i)
        if (!wait || checks[i].check.kind == CheckKind::calibration)
            record.verdicts.push_back(verdict_of(schedule_.calendar(), checks[i],
                                                 *judged.devices[i], arrived.answer.proofs[i],
                                                 arrived.received));
    return judged;
}

}  // namespace vigil::verifier
