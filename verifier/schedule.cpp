#include "verifier/schedule.hpp"

#include <algorithm>

#include "core/base/ids.hpp"
#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t plans_kept = 64;
/// Asking for old windows never takes the plans of the next, this and the last one away.
constexpr std::ptrdiff_t newest_kept = 3;

Genesis read_genesis(Store& store) {
    std::optional<Genesis> genesis;
    store.read([&](Reader& reader) { genesis = reader.genesis(); });
    require(genesis.has_value(), "the store holds a genesis");
    return *genesis;
}

Policy parsed(const PolicyRecord& record) {
    auto policy = policy_from_canonical(record.canonical);
    if (!policy)
        throw StoreFailed{"the store's policy " + to_hex(record.hash) +
                          " cannot be read: " + policy.error()};
    return *std::move(policy);
}

/// All policies have one calendar: a change of it is refused.
Calendar read_calendar(Store& store) {
    std::vector<PolicyRecord> policies;
    store.read([&](Reader& reader) { policies = reader.policies(); });
    require(!policies.empty(), "the store holds a policy");
    return Calendar{parsed(policies.front())};
}

}  // namespace

Schedule::Schedule(Store& store)
    : store_{store},
      genesis_{read_genesis(store)},
      network_{network_id(genesis_.network_name)},
      calendar_{read_calendar(store)} {
    refresh_policies();
}

std::shared_ptr<const Policy> Schedule::policy_on(DayIndex day) const {
    const std::lock_guard lock{mutex_};
    return in_force(day).first;
}

PolicyHash Schedule::policy_hash_on(DayIndex day) const {
    const std::lock_guard lock{mutex_};
    return in_force(day).second;
}

const Schedule::HashedPolicy& Schedule::in_force(DayIndex day) const {
    const auto later = policies_.upper_bound(day);
    // Before the network was founded the first policy serves: nothing is decided there.
    return later == policies_.begin() ? later->second : std::prev(later)->second;
}

void Schedule::refresh_policies() {
    std::vector<PolicyRecord> records;
    store_.read([&](Reader& reader) { records = reader.policies(); });
    std::map<DayIndex, HashedPolicy> policies;
    for (const PolicyRecord& record : records)
        policies.insert_or_assign(
            record.effective_day,
            HashedPolicy{std::make_shared<const Policy>(parsed(record)), record.hash});
    const std::lock_guard lock{mutex_};
    policies_ = std::move(policies);
    policies_read_ = records.size();
    plans_.clear();
}

void Schedule::follow_policies() {
    std::size_t there = 0;
    store_.read([&](Reader& reader) { there = reader.policies().size(); });
    {
        const std::lock_guard lock{mutex_};
        if (there == policies_read_) return;  // they are only added
    }
    refresh_policies();
}

std::shared_ptr<const WindowPlan> Schedule::plan(WindowIndex window) {
    {
        const std::lock_guard lock{mutex_};
        if (const auto found = plans_.find(window); found != plans_.end()) return found->second;
    }
    const DayIndex day = calendar_.day_of(window);
    std::optional<DayKeyRecord> key;
    store_.read([&](Reader& reader) { key = reader.day_key(day); });

    const std::lock_guard lock{mutex_};
    const auto& [policy, hash] = in_force(day);
    auto plan = std::make_shared<WindowPlan>(WindowPlan{.window = window,
                                                        .span = calendar_.span(window),
                                                        .policy = policy,
                                                        .policy_hash = hash,
                                                        .key = {},
                                                        .fleet = {}});
    // Not kept without a key: it may still be drawn.
    if (!key) return plan;
    plan->key = key->key;
    plan->fleet = fleet_checks(*policy, key->key, window);
    plans_.insert_or_assign(window, plan);
    while (plans_.size() > plans_kept) {
        const auto first = plans_.begin(), last = std::prev(plans_.end(), newest_kept + 1);
        const bool first_is_further =
            window.value - first->first.value > last->first.value - window.value;
        plans_.erase(first_is_further ? first : last);
    }
    return plan;
}

Instant Schedule::active_from(const DeviceRecord* known, Instant now) const {
    if (!known) return now;
    const bool was_away = known->retired_from && calendar_.day_at(now) >= *known->retired_from;
    return was_away ? now : known->active_from;
}

bool Schedule::takes_part(const RosterDevice& device, Instant start) const {
    return device.active_from <= start &&
           (!device.retired_from || calendar_.day_at(start) < *device.retired_from);
}

ScheduledCheck Schedule::scheduled(const RosterDevice& device, const WindowPlan& plan,
                                   CheckKind kind, std::uint64_t ref, const Beacon& beacon,
                                   Instant start) const {
    const CheckRule& rule = plan.policy->rule(kind);
    const Challenge to_answer = challenge({.network = network_,
                                           .policy = plan.policy_hash,
                                           .kind = kind,
                                           .ref = ref,
                                           .beacon = beacon,
                                           .device = device.id});
    return {.check = {.device = device.id,
                      .kind = kind,
                      .ref = ref,
                      .challenge = to_answer,
                      .start = start,
                      .deadline = start + rule.length(),
                      .k = rule.k,
                      .theta = kind == CheckKind::calibration ? Ppm{} : rule.theta},
            .claim = {.device = device.ref, .window = plan.window, .kind = kind, .ref = ref}};
}

ScheduledCheck Schedule::fleet_check_of(const RosterDevice& device, const WindowPlan& plan,
                                        const FleetCheck& fleet) const {
    return scheduled(device, plan, fleet.kind, static_cast<std::uint64_t>(fleet.slot.value),
                     fleet.beacon, fleet.start);
}

std::vector<ScheduledCheck> Schedule::spot_checks_of(const RosterDevice& device,
                                                     const WindowPlan& plan) const {
    std::vector<ScheduledCheck> checks;
    if (!plan.key) return checks;
    for (const SpotCheck& spot :
         spot_checks(*plan.policy, *plan.key, plan.window, device.id, plan.fleet))
        if (takes_part(device, spot.start))
            checks.push_back(
                scheduled(device, plan, CheckKind::spot, spot.ref, spot.beacon, spot.start));
    return checks;
}

std::vector<ScheduledCheck> Schedule::checks_of(const RosterDevice& device,
                                                const WindowPlan& plan) const {
    std::vector<ScheduledCheck> checks = spot_checks_of(device, plan);
    for (const FleetCheck& fleet : plan.fleet)
        if (takes_part(device, fleet.start)) checks.push_back(fleet_check_of(device, plan, fleet));
    std::sort(checks.begin(), checks.end(), [](const ScheduledCheck& a, const ScheduledCheck& b) {
        return a.check.start < b.check.start;
    });
    return checks;
}

ScheduledCheck Schedule::calibration_of(const RosterDevice& device,
                                        const CalibrationRecord& calibration) const {
    const WindowIndex window = calendar_.window_at(calibration.issued);
    const std::lock_guard lock{mutex_};
    const auto& [policy, hash] = in_force(calendar_.day_of(window));
    const WindowPlan plan{.window = window,
                          .span = calendar_.span(window),
                          .policy = policy,
                          .policy_hash = hash,
                          .key = {},
                          .fleet = {}};
    return scheduled(device, plan, CheckKind::calibration, calibration.counter, calibration.beacon,
                     calibration.issued);
}

std::optional<ScheduledCheck> Schedule::find(const RosterDevice& device, const Challenge& challenge,
                                             Instant received) {
    const WindowIndex now = calendar_.window_at(received);
    // Nearly every answer is to a fleet check that runs: one challenge to derive instead of all.
    const auto running = plan(now);
    for (const FleetCheck& fleet : running->fleet)
        if (fleet.start <= received && received <= fleet.deadline &&
            takes_part(device, fleet.start)) {
            ScheduledCheck check = fleet_check_of(device, *running, fleet);
            if (check.check.challenge == challenge) return check;
        }
    for (const WindowIndex window : {now, now - 1}) {
        if (window.value < 0) continue;
        const auto plan = this->plan(window);
        for (ScheduledCheck& check : checks_of(device, *plan))
            if (check.check.start <= received && check.check.challenge == challenge)
                return std::move(check);
    }
    if (device.calibration && device.calibration->issued <= received) {
        ScheduledCheck calibration = calibration_of(device, *device.calibration);
        if (calibration.check.challenge == challenge) return calibration;
    }
    return std::nullopt;
}

std::vector<ScheduledCheck> Schedule::open_checks(const RosterDevice& device, Instant now) {
    // A check never reaches beyond its own window (protocol 3.3, 3.4).
    std::vector<ScheduledCheck> open = checks_of(device, *plan(calendar_.window_at(now)));
    if (device.calibration) open.push_back(calibration_of(device, *device.calibration));
    std::erase_if(open, [now](const ScheduledCheck& check) {
        return check.check.start > now || check.check.deadline < now;
    });
    return open;
}

}  // namespace vigil::verifier
