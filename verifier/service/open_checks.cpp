#include "verifier/service/open_checks.hpp"

#include <algorithm>

namespace vigil::verifier {
namespace {

bool is_fleet(CheckKind kind) { return kind == CheckKind::roll_call || kind == CheckKind::hourly; }

std::optional<Beacon> beacon_of(const RosterDevice& device, const ScheduledCheck& check,
                                const WindowPlan& plan) {
    if (check.check.kind == CheckKind::calibration) {
        if (device.calibration && device.calibration->counter == check.check.ref)
            return device.calibration->beacon;
        return std::nullopt;
    }
    if (!plan.key) return std::nullopt;
    for (const SpotCheck& spot : spot_checks(*plan.policy, *plan.key, plan.window, device.id))
        if (spot.ref == check.check.ref) return spot.beacon;
    return std::nullopt;
}

}  // namespace

wire::OpenCheck open_check(const WindowPlan& plan, const FleetCheck& fleet, Instant now) {
    const CheckRule& rule = plan.policy->rule(fleet.kind);
    return {.kind = fleet.kind,
            .ref = static_cast<std::uint64_t>(fleet.slot.value),
            .beacon = fleet.beacon,
            .device = std::nullopt,
            .k = rule.k,
            .work = rule.work,
            .spread = rule.spread,
            .start = fleet.start,
            .deadline = fleet.deadline,
            .remaining = fleet.deadline - now,
            .policy = plan.policy_hash};
}

std::optional<wire::OpenCheck> open_check(Schedule& schedule, const RosterDevice& device,
                                          const ScheduledCheck& check, Instant now) {
    const auto plan = schedule.plan(check.claim.window);
    const auto beacon = beacon_of(device, check, *plan);
    if (!beacon) return std::nullopt;
    const CheckRule& rule = plan->policy->rule(check.check.kind);
    return wire::OpenCheck{.kind = check.check.kind,
                           .ref = check.check.ref,
                           .beacon = *beacon,
                           .device = device.id,
                           .k = rule.k,
                           .work = rule.work,
                           .spread = rule.spread,
                           .start = check.check.start,
                           .deadline = check.check.deadline,
                           .remaining = check.check.deadline - now,
                           .policy = plan->policy_hash};
}

std::vector<wire::OpenCheck> open_checks_of(const RosterNode& node, const Roster& roster,
                                            Schedule& schedule, Instant now) {
    std::vector<wire::OpenCheck> fleet, single;
    const auto plan = schedule.plan(schedule.calendar().window_at(now));
    for (const DeviceId& id : node.devices) {
        const auto device = roster.device(id);
        if (!device) continue;
        for (const ScheduledCheck& check : schedule.open_checks(*device, now)) {
            if (!is_fleet(check.check.kind)) {
                if (auto told = open_check(schedule, *device, check, now))
                    single.push_back(*std::move(told));
                continue;
            }
            const auto same = [&](const auto& f) {
                return static_cast<std::uint64_t>(f.slot.value) == check.check.ref;
            };
            const auto known = [&](const wire::OpenCheck& told) {
                return told.ref == check.check.ref;
            };
            const auto found = std::find_if(plan->fleet.begin(), plan->fleet.end(), same);
            if (found != plan->fleet.end() && std::none_of(fleet.begin(), fleet.end(), known))
                fleet.push_back(open_check(*plan, *found, now));
        }
    }
    fleet.insert(fleet.end(), single.begin(), single.end());
    return fleet;
}

Milliseconds poll_interval(const Policy& policy) {
    const Milliseconds shortest =
        std::min({policy.roll_call.work, policy.hourly.work, policy.spot.work});
    return std::clamp(shortest / 2, Milliseconds{100}, Milliseconds{5'000});
}

}  // namespace vigil::verifier
