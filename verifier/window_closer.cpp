#include "verifier/window_closer.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/uptime/availability.hpp"

namespace vigil::verifier {
namespace {

constexpr int judging_rounds = 10;

auto place(const CheckClaim& claim) { return std::tuple{claim.device, claim.kind, claim.ref}; }

CheckClaim fleet_claim(const RosterDevice& device, WindowIndex window, const FleetCheck& check) {
    return {.device = device.ref,
            .window = window,
            .kind = check.kind,
            .ref = static_cast<std::uint64_t>(check.slot.value)};
}

/// What the record holds about a window.
struct Facts {
    std::vector<CheckRow> rows;  ///< ascending by place
    std::vector<Instant> heartbeats;
    std::set<DeviceRef> missed_before;  ///< those that missed the fleet check before the window

    const VerdictRecord* verdict(const CheckClaim& claim) const {
        const auto found = std::lower_bound(rows.begin(), rows.end(), place(claim),
                                            [](const CheckRow& row, const auto& wanted) {
                                                return place(row.verdict.claim) < wanted;
                                            });
        const bool there = found != rows.end() && place(found->verdict.claim) == place(claim);
        return there ? &found->verdict : nullptr;
    }

    bool missed(const CheckClaim& claim) const {
        const VerdictRecord* known = verdict(claim);
        return known == nullptr || known->judgement.verdict == Verdict::missed;
    }

    /// Protocol 5.9 (a), on the heartbeats around the check only.
    std::optional<std::string> verifier_fault_at(Instant start, Instant deadline) const {
        auto first = std::upper_bound(heartbeats.begin(), heartbeats.end(), start);
        auto last = std::lower_bound(heartbeats.begin(), heartbeats.end(), deadline);
        if (first != heartbeats.begin()) --first;
        if (last != heartbeats.end()) ++last;
        return verifier_fault({first, last}, start, deadline);
    }
};

using Devices = std::vector<std::shared_ptr<const RosterDevice>>;

/// Decides one window; pure, over facts already read.
class Decision {
public:
    Decision(const Schedule& schedule, const WindowPlan& plan, const Devices& devices,
             const Facts& facts, Instant now)
        : schedule_{schedule}, plan_{plan}, devices_{devices}, facts_{facts}, now_{now} {}

    void decide() {
        for (const FleetCheck& check : plan_.fleet)
            if (auto fault = fault_of(check)) faults_.emplace(check.slot, *std::move(fault));
        for (const auto& device : devices_)
            if (device->enrolled < plan_.span.end) decide(*device);
    }

    std::vector<VerdictRecord> missed;
    std::vector<VoidRecord> voids;
    std::vector<WindowRecord> windows;
    std::vector<VerdictRecord> decided;

private:
    std::optional<std::string> fault_of(const FleetCheck& check) const {
        if (auto fault = facts_.verifier_fault_at(check.start, check.deadline)) return fault;
        return fleet_fault(turnout_of(check));
    }

    FleetTurnout turnout_of(const FleetCheck& check) const {
        const auto before =
            std::find_if(plan_.fleet.begin(), plan_.fleet.end(),
                         [&](const FleetCheck& other) { return other.slot == check.slot - 1; });
        FleetTurnout turnout;
        for (const auto& device : devices_) {
            if (!schedule_.takes_part(*device, check.start)) continue;
            ++turnout.expected;
            turnout.missed += facts_.missed(fleet_claim(*device, plan_.window, check));
            turnout.had_missed_before +=
                before == plan_.fleet.end()
                    ? facts_.missed_before.contains(device->ref)
                    : schedule_.takes_part(*device, before->start) &&
                          facts_.missed(fleet_claim(*device, plan_.window, *before));
        }
        return turnout;
    }

    std::optional<std::string> void_reason(const VerdictRecord& verdict) const {
        if (!can_be_voided(verdict.judgement.verdict)) return std::nullopt;
        if (verdict.claim.kind == CheckKind::spot)
            return facts_.verifier_fault_at(verdict.start, verdict.deadline);
        const auto found = faults_.find({static_cast<std::int64_t>(verdict.claim.ref)});
        if (found == faults_.end()) return std::nullopt;
        return found->second;
    }

    /// The verdict as judged, with `missed` where no answer came.
    VerdictRecord judged(const RosterDevice& device, const ScheduledCheck& scheduled) {
        if (const VerdictRecord* known = facts_.verdict(scheduled.claim)) return *known;
        const Check& check = scheduled.check;
        missed.push_back({.claim = scheduled.claim,
                          .challenge = check.challenge,
                          .start = check.start,
                          .deadline = check.deadline,
                          .received = std::nullopt,
                          .k = check.k,
                          .theta = check.theta,
                          .judgement = judge_missed(check, device.baseline_for(plan_.span.begin))});
        return missed.back();
    }

    /// The verdict that counts.
    VerdictRecord final_verdict(const RosterDevice& device, const ScheduledCheck& scheduled) {
        VerdictRecord verdict = judged(device, scheduled);
        const bool unanswered = verdict.judgement.verdict == Verdict::missed;
        if (auto reason = void_reason(verdict)) {
            voids.push_back({.claim = verdict.claim, .reason = *reason});
            verdict.judgement.verdict = Verdict::voided;
            verdict.judgement.reason = *std::move(reason);
            decided.push_back(verdict);
        } else if (unanswered) {
            decided.push_back(verdict);
        }
        return verdict;
    }

    void decide(const RosterDevice& device) {
        std::optional<VerdictRecord> roll_call;
        std::vector<Verdict> others;
        for (const ScheduledCheck& scheduled : schedule_.checks_of(device, plan_)) {
            VerdictRecord verdict = final_verdict(device, scheduled);
            if (verdict.claim.kind == CheckKind::roll_call)
                roll_call = std::move(verdict);
            else
                others.push_back(verdict.judgement.verdict);
        }
        windows.push_back(window_of(device, roll_call, others));
    }

    WindowRecord window_of(const RosterDevice& device,
                           const std::optional<VerdictRecord>& roll_call,
                           std::span<const Verdict> others) const {
        WindowRecord record;
        record.device = device.ref;
        record.window = plan_.window;
        record.closed = now_;
        if (roll_call) {
            const Judgement& judgement = roll_call->judgement;
            record.roll_call_rate = judgement.rate;
            record.roll_call_valid =
                judgement.verdict == Verdict::passed || judgement.verdict == Verdict::below_rate;
        }
        const bool counts = through(device);
        if (counts && !plan_.key) {
            record.outcome = WindowOutcome::voided;
            record.reason = "no key of day " +
                            std::to_string(schedule_.calendar().day_of(plan_.window).value) +
                            " was drawn, so there were no checks";
            return record;
        }
        std::optional<Verdict> called;
        if (counts && roll_call) called = roll_call->judgement.verdict;
        WindowResult result = window_result(called, others, *plan_.policy);
        record.outcome = result.outcome;
        record.misses = result.misses;
        record.reason = std::move(result.reason);
        if (record.outcome == WindowOutcome::voided)
            record.reason += ": " + roll_call->judgement.reason;
        return record;
    }

    bool through(const RosterDevice& device) const {
        std::optional<Instant> retired;
        if (device.retired_from) retired = schedule_.calendar().span(*device.retired_from).begin;
        return enrolled_through(plan_.span, device.active_from, retired);
    }

    const Schedule& schedule_;
    const WindowPlan& plan_;
    const Devices& devices_;
    const Facts& facts_;
    Instant now_;
    std::map<SlotIndex, std::string> faults_;
};

Facts read_facts(Reader& reader, const Schedule& schedule, const WindowPlan& plan) {
    Facts facts;
    const auto last_slot =
        static_cast<std::uint64_t>((schedule.calendar().first_slot(plan.window) - 1).value);
    for (const CheckRow& row : reader.verdicts_of(plan.window - 1)) {
        const VerdictRecord& verdict = row.verdict;
        if (verdict.claim.kind != CheckKind::spot && verdict.claim.ref == last_slot &&
            verdict.judgement.verdict == Verdict::missed)
            facts.missed_before.insert(verdict.claim.device);
    }
    facts.rows = reader.verdicts_of(plan.window);
    facts.heartbeats = reader.heartbeats(plan.span.begin, plan.span.end);
    return facts;
}

std::string unjudgeable_text(const StoredAnswer& answer, const Span& window) {
    return "answer " + to_hex(answer.id) + ", received at " +
           std::to_string(to_ms(answer.received)) +
           " ms, was recorded for the window that began at " + std::to_string(to_ms(window.begin)) +
           " ms, but answers no check that follows from the policies and day keys of the store, so "
           "the window is not closed; the store was changed from outside or is damaged: stop the "
           "verifier, restore the last copy of the store, and run audit on it";
}

}  // namespace

WindowClosing close_window(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                           Instant now) {
    const auto plan = schedule.plan(window);
    WindowClosing closing{.window = window, .closed = now, .windows = {}, .decided = {}};
    bool closed = false;
    std::set<AnswerId> left;
    for (int round = 0; round < judging_rounds && !closed; ++round) {
        judge_waiting(store, roster, schedule, window);
        std::optional<StoredAnswer> unjudgeable;
        std::set<AnswerId> waiting;
        const std::int64_t shown = roster.follow();
        const Devices devices = roster.devices();
        bool newcomers = false;
        store.write([&](Transaction& tx) {
            // Another verifier may have enrolled somebody; nobody is enrolled beside this.
            newcomers = tx.hold_enrolments() != shown;
            if (newcomers) return;
            const auto last = tx.last_closed_window();
            // One that arrived since is judged in the next round; one that was there before cannot
            // be.
            unjudgeable.reset();
            waiting.clear();
            for (StoredAnswer& answer : tx.unjudged_answers(window)) {
                waiting.insert(answer.id);
                if (left.contains(answer.id)) unjudgeable = std::move(answer);
            }
            closed = (last && *last >= window) || waiting.empty();
            if (!closed || (last && *last >= window)) return;
            const Facts facts = read_facts(tx, schedule, *plan);
            Decision decision{schedule, *plan, devices, facts, now};
            decision.decide();
            tx.close_window(window, now, decision.missed, decision.voids, decision.windows);
            closing.windows = std::move(decision.windows);
            closing.decided = std::move(decision.decided);
        });
        if (!closed && unjudgeable) throw StoreFailed{unjudgeable_text(*unjudgeable, plan->span)};
        if (!newcomers) left = std::move(waiting);
    }
    if (!closed)
        throw StoreFailed{"answers of window " + std::to_string(window.value) +
                          " keep arriving faster than they are judged; it is closed later"};
    roster.refresh_baselines();
    return closing;
}

}  // namespace vigil::verifier
