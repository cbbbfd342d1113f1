#include "core/base/require.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {
namespace {

VerdictRecord judged(const ScheduledCheck& scheduled, const Proof& proof, Instant received,
                     std::uint64_t baseline) {
    const Check& check = scheduled.check;
    return {.claim = scheduled.claim,
            .challenge = check.challenge,
            .start = check.start,
            .deadline = check.deadline,
            .received = received,
            .k = check.k,
            .theta = check.theta,
            .judgement = judge(check, proof.nonces, received, baseline)};
}

}  // namespace

std::vector<VerdictRecord> judge_waiting(Store& store, Roster& roster, Schedule& schedule,
                                         WindowIndex window) {
    std::vector<StoredAnswer> waiting;
    store.read([&](Reader& reader) { waiting = reader.unjudged_answers(window); });
    std::vector<VerdictRecord> verdicts;
    const Instant begin = schedule.calendar().span(window).begin;
    for (const StoredAnswer& stored : waiting) {
        const auto answer = answer_from_signed_bytes(schedule.network(), stored.signed_bytes);
        require(answer.has_value(), "a recorded answer can be read back");
        for (const Proof& proof : answer->proofs) {
            const auto device = roster.device(proof.device);
            // What cannot be judged is told by close_window().
            if (!device) continue;
            const auto check = schedule.find(*device, proof.challenge, stored.received);
            // A calibration never waits; it was judged when it came, and may have been replaced
            // since.
            if (!check || check->claim.window != window ||
                check->claim.kind == CheckKind::calibration)
                continue;
            verdicts.push_back(judged(*check, proof, stored.received, device->baseline_for(begin)));
        }
    }
    if (verdicts.empty()) return verdicts;
    store.write([&](Transaction& tx) { tx.add_verdicts(verdicts); });
    return verdicts;
}

}  // namespace vigil::verifier
