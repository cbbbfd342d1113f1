#include "verifier/web/pulse.hpp"

#include <algorithm>

namespace vigil::verifier::web {

void Pulse::note(const VerdictRecord& verdict) {
    if (verdict.claim.kind == CheckKind::calibration || !verdict.received) return;
    const bool passed = verdict.judgement.verdict == Verdict::passed;
    Shard& shard = shards_[verdict.claim.device.bucket % shards_.size()];
    {
        const std::lock_guard lock{shard.mutex};
        Beat& beat = shard.beats[verdict.claim.device];
        if (passed) beat.passed = std::max(beat.passed, std::optional{verdict.start});
        if (!beat.judged || *beat.judged <= verdict.start) {
            beat.judged = verdict.start;
            beat.verdict = verdict.judgement.verdict;
        }
    }
    if (verdict.claim.kind != CheckKind::roll_call) return;
    const std::lock_guard lock{mutex_};
    if (roll_call_ && roll_call_->start > verdict.start) return;
    if (!roll_call_ || roll_call_->start < verdict.start) {
        roll_call_.emplace();
        roll_call_->start = verdict.start;
        roll_call_->deadline = verdict.deadline;
    }
    ++(passed ? roll_call_->passed : roll_call_->failed);
    const auto allowed = std::max<std::int64_t>(1, (verdict.deadline - verdict.start).count());
    const auto taken =
        std::clamp<std::int64_t>((*verdict.received - verdict.start).count(), 0, allowed);
    const auto part = static_cast<std::size_t>(taken) * RollCallAnswers::parts /
                      static_cast<std::size_t>(allowed);
    ++roll_call_->answers[std::min(part, RollCallAnswers::parts - 1)];
}

Beat Pulse::of(DeviceRef device) const {
    const Shard& shard = shards_[device.bucket % shards_.size()];
    const std::lock_guard lock{shard.mutex};
    const auto found = shard.beats.find(device);
    return found == shard.beats.end() ? Beat{} : found->second;
}

std::optional<RollCallAnswers> Pulse::last_roll_call() const {
    const std::lock_guard lock{mutex_};
    return roll_call_;
}

}  // namespace vigil::verifier::web
