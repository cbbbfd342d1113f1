#include "core/uptime/standing.hpp"

#include "core/base/require.hpp"

namespace vigil {
namespace {

StandingStep up(Standing s, Micro credit, const Policy& policy) {
    s.balance += credit;
    s.down_run = 0;
    if (s.grace_left < policy.grace_days && ++s.service_days >= policy.grace_every_days) {
        s.grace_left = policy.grace_days;
        s.service_days = 0;
    }
    return {.after = s, .slashed = {}};
}

StandingStep down(Standing s, const Policy& policy) {
    ++s.down_run;
    s.service_days = 0;
    if (s.grace_left > 0) {
        --s.grace_left;
        return {.after = s, .slashed = {}, .grace_used = true};
    }
    const SlashTier* applied = nullptr;
    for (const SlashTier& tier : policy.slash_tiers)
        if (tier.first_day <= s.down_run) applied = &tier;
    require(applied != nullptr, "slash tiers start with day 1");
    const Micro slashed = s.balance.scaled_down(applied->share);
    s.balance -= slashed;
    return {.after = s, .slashed = slashed, .tier = applied->first_day};
}

}  // namespace

StandingStep step(const Standing& before, DayOutcome outcome, Micro credit, const Policy& policy) {
    switch (outcome) {
        case DayOutcome::up:
            return up(before, credit, policy);
        case DayOutcome::down:
            return down(before, policy);
        case DayOutcome::excused:
            return {.after = before, .slashed = {}};
    }
    require(false, "a day outcome out of its enumeration");
    return {};
}

}  // namespace vigil
