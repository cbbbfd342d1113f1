#include "verifier/web/pulse.hpp"

#include <algorithm>

#include "core/base/require.hpp"

namespace vigil::verifier::web {

void Pulse::note(const VerdictRecord& verdict) {
    if (verdict.claim.kind == CheckKind::calibration || !verdict.received) return;
    const bool passed = verdict.judgement.verdict == Verdict::passed;
    const DeviceRef device = verdict.claim.device;
    require(device.number > 0, "a device of the store has a number");
    const auto place = static_cast<std::size_t>(device.number - 1);
    Bucket& bucket = buckets_[device.bucket];
    {
        const std::lock_guard lock{bucket.mutex};
        if (bucket.beats.size() <= place) bucket.beats.resize(place + 1);
        Beat& beat = bucket.beats[place];
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
    const Bucket& bucket = buckets_[device.bucket];
    const std::lock_guard lock{bucket.mutex};
    const auto place = static_cast<std::size_t>(device.number - 1);
    return place < bucket.beats.size() ? bucket.beats[place] : Beat{};
}

std::optional<RollCallAnswers> Pulse::last_roll_call() const {
    const std::lock_guard lock{mutex_};
    return roll_call_;
}

}  // namespace vigil::verifier::web
