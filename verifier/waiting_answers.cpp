#include "core/base/require.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {
namespace {

VerdictRecord judged(const ScheduledCheck& scheduled, const Proof& proof, Instant received,
                     const RosterDevice& device) {
    const Check& check = scheduled.check;
    return {.claim = scheduled.claim,
            .challenge = check.challenge,
            .start = check.start,
            .deadline = check.deadline,
            .received = received,
            .k = check.k,
            .theta = check.theta,
            .judgement = judge(check, proof.nonces, received, device.baseline_for(check.start))};
}

}  // namespace

std::vector<VerdictRecord> judge_waiting(Store& store, Roster& roster, Schedule& schedule,
                                         WindowIndex window) {
    std::vector<StoredAnswer> waiting;
    store.read([&](Reader& reader) { waiting = reader.unjudged_answers(window); });
    std::vector<VerdictRecord> verdicts;
    std::vector<std::pair<DeviceId, std::uint64_t>> calibrated;
    for (const StoredAnswer& stored : waiting) {
        const auto answer = answer_from_signed_bytes(schedule.network(), stored.signed_bytes);
        require(answer.has_value(), "a recorded answer can be read back");
        for (const Proof& proof : answer->proofs) {
            const auto device = roster.device(proof.device);
            require(device != nullptr, "a recorded answer names enrolled devices");
            const auto check = schedule.find(*device, proof.challenge, stored.received);
            require(check.has_value(), "a recorded answer names checks of the schedule");
            if (check->claim.window != window) continue;
            verdicts.push_back(judged(*check, proof, stored.received, *device));
            const Judgement& judgement = verdicts.back().judgement;
            if (check->check.kind == CheckKind::calibration && judgement.verdict == Verdict::passed)
                calibrated.emplace_back(device->id, judgement.rate);
        }
    }
    if (verdicts.empty()) return verdicts;
    store.write([&](Transaction& tx) { tx.add_verdicts(verdicts); });
    for (const auto& [id, rate] : calibrated) roster.set_calibrated(id, rate);
    return verdicts;
}

}  // namespace vigil::verifier
