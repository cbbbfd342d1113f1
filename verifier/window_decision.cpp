#include "verifier/window_decision.hpp"

#include <algorithm>

#include "core/base/require.hpp"
#include "verifier/baselines.hpp"

namespace vigil::verifier {
namespace {

const JudgedCheck* found(std::span<const JudgedCheck> checks, CheckKind kind, std::uint64_t ref) {
    for (const JudgedCheck& check : checks)
        if (check.kind == kind && check.ref == ref) return &check;
    return nullptr;
}

std::uint64_t ref_of(const FleetCheck& check) {
    return static_cast<std::uint64_t>(check.slot.value);
}

}  // namespace

void OutcomePart::append(OutcomePart part) {
    const auto move_all = [](auto& from, auto& to) {
        std::move(from.begin(), from.end(), std::back_inserter(to));
    };
    move_all(part.missed, missed);
    move_all(part.voids, voids);
    move_all(part.windows, windows);
    move_all(part.decided, decided);
}

RosterDevice as_scheduled(const BooksDevice& device) {
    RosterDevice out;
    out.ref = device.ref;
    out.id = device.id;
    out.enrolled = device.enrolled;
    out.active_from = device.active_from;
    out.retired_from = device.retired_from;
    return out;
}

std::span<const JudgedCheck> checks_of(std::span<const JudgedCheck> checks, std::int64_t device) {
    const auto range = std::ranges::equal_range(checks, device, {}, &JudgedCheck::device);
    return {range.begin(), range.end()};
}

WindowDecision::WindowDecision(const Schedule& schedule, std::shared_ptr<const WindowPlan> plan,
                               std::vector<Instant> heartbeats, Instant closed)
    : schedule_{schedule},
      plan_{std::move(plan)},
      heartbeats_{std::move(heartbeats)},
      closed_{closed},
      turnouts_(plan_->fleet.size()) {}

void WindowDecision::count(std::span<const BooksDevice> devices,
                           std::span<const JudgedCheck> checks,
                           std::span<const std::int64_t> missed_before) {
    for (const BooksDevice& device : devices) {
        const RosterDevice scheduled = as_scheduled(device);
        const auto own = checks_of(checks, device.ref.number);
        // Of the check before: nothing when there is none in this window.
        std::optional<SlotIndex> slot_before;
        bool missed_last = false;
        for (std::size_t i = 0; i < plan_->fleet.size(); ++i) {
            const FleetCheck& check = plan_->fleet[i];
            const bool expected = schedule_.takes_part(scheduled, check.start);
            const JudgedCheck* known = found(own, check.kind, ref_of(check));
            const bool missed = expected && (known == nullptr || known->verdict == Verdict::missed);
            if (expected) {
                ++turnouts_[i].expected;
                turnouts_[i].missed += missed;
                turnouts_[i].had_missed_before +=
                    slot_before == check.slot - 1
                        ? missed_last
                        : std::ranges::binary_search(missed_before, device.ref.number);
            }
            slot_before = check.slot;
            missed_last = missed;
        }
    }
}

void WindowDecision::ask_about_the_fleet() {
    for (std::size_t i = 0; i < plan_->fleet.size(); ++i) {
        const FleetCheck& check = plan_->fleet[i];
        auto fault = verifier_fault_at(check.start, check.deadline);
        if (!fault) fault = fleet_fault(turnouts_[i]);
        if (fault) faults_.emplace(check.slot, *std::move(fault));
    }
}

/// Protocol 5.9 (a), on the heartbeats around the check only.
std::optional<std::string> WindowDecision::verifier_fault_at(Instant start,
                                                             Instant deadline) const {
    auto first = std::upper_bound(heartbeats_.begin(), heartbeats_.end(), start);
    auto last = std::lower_bound(heartbeats_.begin(), heartbeats_.end(), deadline);
    if (first != heartbeats_.begin()) --first;
    if (last != heartbeats_.end()) ++last;
    return verifier_fault({first, last}, start, deadline);
}

std::vector<WindowDecision::Expected> WindowDecision::expected_of(
    const RosterDevice& device) const {
    std::vector<Expected> out;
    for (const FleetCheck& check : plan_->fleet)
        if (schedule_.takes_part(device, check.start))
            out.push_back({check.kind, ref_of(check), check.start, check.deadline, &check});
    if (!plan_->key) return out;
    for (const SpotCheck& spot :
         spot_checks(*plan_->policy, *plan_->key, plan_->window, device.id, plan_->fleet))
        if (schedule_.takes_part(device, spot.start))
            out.push_back({CheckKind::spot, spot.ref, spot.start, spot.deadline, nullptr});
    return out;
}

std::optional<std::string> WindowDecision::void_reason(Verdict verdict,
                                                       const Expected& check) const {
    if (!can_be_voided(verdict)) return std::nullopt;
    if (check.fleet == nullptr) return verifier_fault_at(check.start, check.deadline);
    const auto fault = faults_.find(check.fleet->slot);
    if (fault == faults_.end()) return std::nullopt;
    return fault->second;
}

VerdictRecord WindowDecision::missed(Reader& reader, const BooksDevice& device,
                                     const RosterDevice& scheduled,
                                     const Expected& expected) const {
    std::optional<ScheduledCheck> whole;
    if (expected.fleet != nullptr)
        whole = schedule_.fleet_check_of(scheduled, *plan_, *expected.fleet);
    else
        for (ScheduledCheck& spot : schedule_.spot_checks_of(scheduled, *plan_))
            if (spot.check.ref == expected.ref) whole = std::move(spot);
    require(whole.has_value(), "an expected check is scheduled");
    const Check& check = whole->check;
    return {.claim = whole->claim,
            .challenge = check.challenge,
            .start = check.start,
            .deadline = check.deadline,
            .received = std::nullopt,
            .k = check.k,
            .theta = check.theta,
            .judgement = judge_missed(check, baseline_for(reader, device, plan_->span.begin,
                                                          plan_->span.end - plan_->span.begin))};
}

void WindowDecision::decide(Reader& reader, const BooksDevice& device,
                            std::span<const JudgedCheck> checks, OutcomePart& out) const {
    if (device.enrolled >= plan_->span.end) return;
    const RosterDevice scheduled = as_scheduled(device);
    std::optional<JudgedCheck> roll_call;
    std::string roll_call_voided;
    std::vector<Verdict> others;
    for (const Expected& expected : expected_of(scheduled)) {
        JudgedCheck check{.device = device.ref.number,
                          .kind = expected.kind,
                          .ref = expected.ref,
                          .verdict = Verdict::missed,
                          .rate = 0};
        const JudgedCheck* known = found(checks, expected.kind, expected.ref);
        if (known != nullptr) check = *known;
        auto reason = void_reason(check.verdict, expected);
        if (known == nullptr || reason || check.verdict == Verdict::missed) {
            VerdictRecord verdict;
            if (known == nullptr) {
                verdict = missed(reader, device, scheduled, expected);
                out.missed.push_back(verdict);
            } else {
                for (CheckRow& row : reader.checks_in(device.ref, plan_->window))
                    if (row.verdict.claim.kind == check.kind && row.verdict.claim.ref == check.ref)
                        verdict = std::move(row.verdict);
            }
            if (reason) {
                out.voids.push_back({.claim = verdict.claim, .reason = *reason});
                verdict.judgement.verdict = check.verdict = Verdict::voided;
                verdict.judgement.reason = *reason;
            }
            out.decided.push_back(std::move(verdict));
        }
        if (check.kind == CheckKind::roll_call) {
            roll_call = check;
            if (reason) roll_call_voided = *std::move(reason);
        } else {
            others.push_back(check.verdict);
        }
    }
    out.windows.push_back(outcome(device, roll_call, others, roll_call_voided));
}

WindowRecord WindowDecision::outcome(const BooksDevice& device,
                                     const std::optional<JudgedCheck>& roll_call,
                                     std::span<const Verdict> others,
                                     const std::string& void_reason) const {
    WindowRecord record;
    record.device = device.ref;
    record.window = plan_->window;
    record.closed = closed_;
    if (roll_call) {
        record.roll_call_rate = roll_call->rate;
        record.roll_call_valid =
            roll_call->verdict == Verdict::passed || roll_call->verdict == Verdict::below_rate;
    }
    const bool counts = through(device);
    if (counts && !plan_->key) {
        record.outcome = WindowOutcome::voided;
        record.reason = "no key of day " +
                        std::to_string(schedule_.calendar().day_of(plan_->window).value) +
                        " was drawn, so there were no checks";
        return record;
    }
    std::optional<Verdict> called;
    if (counts && roll_call) called = roll_call->verdict;
    WindowResult result = window_result(called, others, *plan_->policy);
    record.outcome = result.outcome;
    record.misses = result.misses;
    record.reason = std::move(result.reason);
    if (record.outcome == WindowOutcome::voided) record.reason += ": " + void_reason;
    return record;
}

bool WindowDecision::through(const BooksDevice& device) const {
    std::optional<Instant> retired;
    if (device.retired_from) retired = schedule_.calendar().span(*device.retired_from).begin;
    return enrolled_through(plan_->span, device.active_from, retired);
}

}  // namespace vigil::verifier
