#include "tests/simulation/books.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/rewards/settlement.hpp"
#include "verifier/roster.hpp"

namespace vigil::verifier::simulation {
namespace {

constexpr std::size_t sentences_max = 5;
using Wide = u128;

/// What the auditor carries from window to window for one device.
struct Account {
    DeviceRecord record;
    NodeId node;
    std::vector<std::uint64_t> roll_rates;
    std::vector<std::pair<Instant, std::uint64_t>> calibrations;
    Wide balance{};
    std::uint32_t service{}, grace{}, down{};
    bool missed_last{};  ///< the fleet check before
};

class Auditor {
public:
    Auditor(Reader& reader, Schedule& schedule, const Roster& roster)
        : reader_{reader}, schedule_{schedule}, roster_{roster}, calendar_{schedule.calendar()} {
        for (const DeviceRecord& record : reader.devices()) accounts_[record.ref].record = record;
        beats_ = reader.heartbeats(Instant{}, Instant{Milliseconds{INT64_MAX / 4}});
    }

    std::vector<std::string> run() {
        const auto last = reader_.last_closed_window();
        if (!last) return {};
        WindowIndex window = calendar_.window_at(schedule_.genesis().founded);
        for (; window <= *last && differences_.size() < sentences_max; ++window) {
            check_window(window);
            const DayIndex day = calendar_.day_of(window);
            if (calendar_.day_of(window + 1) != day && reader_.settled_day(day)) check_day(day);
        }
        return differences_;
    }

private:
    void differ(const std::string& what) {
        if (differences_.size() < sentences_max) differences_.push_back(what);
    }

    void same(const std::string& what, Wide stored, Wide computed) {
        if (stored == computed) return;
        differ(what + ": the store has " + to_string(Micro{stored}) + ", recomputed " +
               to_string(Micro{computed}));
    }

    bool takes_part(const Account& account, Instant start) const {
        const auto& record = account.record;
        return record.active_from <= start &&
               (!record.retired_from || calendar_.span(*record.retired_from).begin > start);
    }

    std::uint64_t baseline(const Account& account, Instant window_begin) const {
        if (account.roll_rates.empty()) {
            std::uint64_t rate = 0;
            for (const auto& [received, calibrated] : account.calibrations)
                if (received < window_begin) rate = calibrated;
            return rate;
        }
        auto last = account.roll_rates;
        if (last.size() > 6) last.erase(last.begin(), last.end() - 6);
        std::sort(last.begin(), last.end());
        return last[(last.size() - 1) / 2];
    }

    bool gap_meets(Instant start, Instant deadline) const {
        if (beats_.front() > start || beats_.back() < deadline) return true;
        for (auto after = std::upper_bound(beats_.begin(), beats_.end(), start);; ++after) {
            if (*after - *(after - 1) > std::chrono::seconds{30}) return true;
            if (*after >= deadline) return false;
        }
    }

    Verdict expected_verdict(const VerdictRecord& row) const {
        if (!row.received) return Verdict::missed;
        if (*row.received > row.deadline) return Verdict::late;
        const auto elapsed = std::max<std::int64_t>(1, (*row.received - row.start).count());
        const Wide rate = Wide{row.judgement.work} * 1'000 / static_cast<Wide>(elapsed);
        return rate * 1'000'000 >= Wide{row.theta.value} * row.judgement.baseline
                   ? Verdict::passed
                   : Verdict::below_rate;
    }

    using Place = std::tuple<DeviceRef, CheckKind, std::uint64_t>;

    /// Protocol 5.9 (b) for each fleet check, in order, over verdicts before any void.
    std::set<std::uint64_t> fleet_faults(const WindowPlan& plan,
                                         const std::map<Place, CheckRow>& rows) {
        std::set<std::uint64_t> faults;
        for (const FleetCheck& check : plan.fleet) {
            const auto slot = static_cast<std::uint64_t>(check.slot.value);
            std::uint64_t expected = 0, missed = 0, before = 0;
            for (auto& [ref, account] : accounts_) {
                if (!takes_part(account, check.start)) {
                    account.missed_last = false;
                    continue;
                }
                const auto row = rows.find({ref, check.kind, slot});
                const bool now =
                    row != rows.end() && row->second.verdict.judgement.verdict == Verdict::missed;
                ++expected;
                missed += now;
                before += account.missed_last;
                account.missed_last = now;
            }
            if (expected >= 20 && missed * 2 >= expected && before * 10 < expected)
                faults.insert(slot);
        }
        return faults;
    }

    void check_window(WindowIndex window) {
        const auto plan = schedule_.plan(window);
        std::map<Place, CheckRow> rows;
        for (CheckRow& row : reader_.verdicts_of(window)) {
            const CheckClaim& claim = row.verdict.claim;
            if (!rows.emplace(Place{claim.device, claim.kind, claim.ref}, row).second)
                differ("window " + std::to_string(window.value) + " has a check twice");
        }
        for (const CheckRow& row : reader_.calibration_verdicts_of(window))
            accounts_.at(row.verdict.claim.device)
                .calibrations.emplace_back(*row.verdict.received, row.verdict.judgement.rate);
        const std::set<std::uint64_t> faults = fleet_faults(*plan, rows);
        for (const WindowRecord& record :
             reader_.windows_of(calendar_.day_of(window), calendar_.windows_per_day()))
            if (record.window == window) windows_[{record.device, window}] = record;
        std::size_t used = 0;
        for (auto& [ref, account] : accounts_)
            if (account.record.enrolled < plan->span.end)
                used += check_device(account, *plan, rows, faults);
        same("verdicts of window " + std::to_string(window.value), rows.size(), used);
        for (auto& [ref, account] : accounts_) {
            const auto found = windows_.find({ref, window});
            if (found != windows_.end() && found->second.roll_call_valid)
                account.roll_rates.push_back(found->second.roll_call_rate);
        }
    }

    /// Returns how many verdicts the device has.
    std::size_t check_device(Account& account, const WindowPlan& plan,
                             const std::map<Place, CheckRow>& rows,
                             const std::set<std::uint64_t>& faults) {
        const DeviceRef ref = account.record.ref;
        const std::string name = "device " + to_hex(account.record.id).substr(0, 8) + " window " +
                                 std::to_string(plan.window.value);
        std::optional<Verdict> roll_call;
        std::uint64_t roll_rate = 0;
        std::uint32_t misses = 0;
        std::size_t used = 0;
        for (const ScheduledCheck& scheduled :
             schedule_.checks_of(*roster_.device(account.record.id), plan)) {
            const Check& check = scheduled.check;
            const auto found = rows.find({ref, check.kind, check.ref});
            if (found == rows.end()) {
                differ(name + ": a check has no verdict");
                continue;
            }
            ++used;
            const CheckRow& row = found->second;
            const Judgement& judgement = row.verdict.judgement;
            same(name + " baseline", judgement.baseline, baseline(account, plan.span.begin));
            const Verdict verdict = expected_verdict(row.verdict);
            same(name + " verdict", static_cast<Wide>(judgement.verdict),
                 static_cast<Wide>(verdict));
            const bool fault = gap_meets(check.start, check.deadline) ||
                               (check.kind != CheckKind::spot && faults.contains(check.ref));
            const bool voided = fault && verdict != Verdict::passed;
            same(name + " void", row.voided.has_value(), voided);
            if (check.kind == CheckKind::roll_call) {
                roll_call = voided ? Verdict::voided : verdict;
                roll_rate = judgement.rate;
            } else if (!voided && verdict != Verdict::passed) {
                ++misses;
            }
        }
        check_outcome(account, plan, name, roll_call, roll_rate, misses);
        return used;
    }

    void check_outcome(const Account& account, const WindowPlan& plan, const std::string& name,
                       std::optional<Verdict> roll_call, std::uint64_t roll_rate,
                       std::uint32_t misses) {
        WindowOutcome outcome = WindowOutcome::unenrolled;
        const bool through = account.record.active_from <= plan.span.begin &&
                             takes_part(account, plan.span.end - Milliseconds{1});
        if (through) {
            if (!plan.key || roll_call == Verdict::voided)
                outcome = WindowOutcome::voided;
            else if (roll_call == Verdict::passed && misses <= plan.policy->max_missed_checks)
                outcome = WindowOutcome::complete;
            else
                outcome = WindowOutcome::incomplete;
        }
        const auto found = windows_.find({account.record.ref, plan.window});
        if (found == windows_.end()) return differ(name + " has no outcome");
        same(name + " outcome", static_cast<Wide>(found->second.outcome),
             static_cast<Wide>(outcome));
        same(name + " rate", found->second.roll_call_rate, roll_rate);
        same(name + " validity", found->second.roll_call_valid,
             roll_call == Verdict::passed || roll_call == Verdict::below_rate);
    }

    void check_day(DayIndex day) {
        std::vector<DeviceState> states;
        for (auto& [ref, account] : accounts_) {
            if (account.record.enrolled >= calendar_.span(day).end) continue;
            settle(account, day);
            states.push_back({.device = account.record.id,
                              .standing = {.balance = Micro{account.balance},
                                           .service_days = account.service,
                                           .grace_left = account.grace,
                                           .down_run = account.down},
                              .baseline = baseline(account, calendar_.span(day).end)});
        }
        std::sort(states.begin(), states.end(),
                  [](const DeviceState& a, const DeviceState& b) { return a.device < b.device; });
        if (reader_.settled_day(day)->state_hash != state_hash(schedule_.network(), day, states))
            differ("state_hash of day " + std::to_string(day.value) + " differs");
    }

    void settle(Account& account, DayIndex day) {
        const auto policy = schedule_.policy_on(day);
        std::uint64_t complete = 0, voided = 0, incomplete = 0;
        Wide rates = 0;
        for (WindowIndex w = calendar_.first_window(day); calendar_.day_of(w) == day; ++w) {
            const auto found = windows_.find({account.record.ref, w});
            if (found == windows_.end()) continue;
            const WindowRecord& window = found->second;
            complete += window.outcome == WindowOutcome::complete;
            voided += window.outcome == WindowOutcome::voided;
            incomplete += window.outcome == WindowOutcome::incomplete;
            if (window.outcome == WindowOutcome::complete) rates += window.roll_call_rate;
        }
        const std::string name = "device " + to_hex(account.record.id).substr(0, 8) + " day " +
                                 std::to_string(day.value);
        Wide credit = 0, slashed = 0;
        const bool first_day = calendar_.day_at(account.record.enrolled) == day ||
                               calendar_.day_at(account.record.active_from) == day;
        if (complete > 0) {
            Wide base = policy->base_per_mhs.count();
            const std::int64_t age = day.value - schedule_.genesis().programme_start_day.value;
            for (std::int64_t i = 0; i < age / policy->decay_days; ++i)
                base = base * policy->decay.value / 1'000'000;
            const Wide multiplier = policy->multiplier[complete + voided].value;
            credit = rates / complete * base * multiplier / 1'000'000 / 1'000'000;
            account.balance += credit;
            account.down = 0;
            if (account.grace < policy->grace_days &&
                ++account.service == policy->grace_every_days) {
                account.grace = policy->grace_days;
                account.service = 0;
            }
        } else if (incomplete > 0 && !first_day) {
            account.service = 0;
            ++account.down;
            if (account.grace > 0) {
                --account.grace;
            } else {
                std::uint32_t share = 0;
                for (const SlashTier& tier : policy->slash_tiers)
                    if (tier.first_day <= account.down) share = tier.share.value;
                slashed = account.balance * share / 1'000'000;
                account.balance -= slashed;
            }
        }
        const auto stored = reader_.day(account.record.ref, day);
        if (!stored) return differ(name + " has no record");
        same(name + " credit", stored->credit.count(), credit);
        same(name + " slash", stored->slashed.count(), slashed);
        same(name + " balance", stored->after.balance.count(), account.balance);
        same(name + " grace", stored->after.grace_left, account.grace);
    }

    Reader& reader_;
    Schedule& schedule_;
    const Roster& roster_;
    const Calendar calendar_;
    std::map<DeviceRef, Account> accounts_;
    std::map<std::pair<DeviceRef, WindowIndex>, WindowRecord> windows_;
    std::vector<Instant> beats_;
    std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> audit(Store& store) {
    Schedule schedule{store};
    const Roster roster{store};
    std::vector<std::string> differences;
    store.read([&](Reader& reader) { differences = Auditor{reader, schedule, roster}.run(); });
    return differences;
}

}  // namespace vigil::verifier::simulation
