#include "verifier/day_settler.hpp"

#include <map>

#include "core/base/require.hpp"
#include "core/rewards/settlement.hpp"

namespace vigil::verifier {
namespace {

struct DayRows {
    std::map<DeviceRef, std::vector<WindowRecord>> windows;
    std::map<DeviceRef, Standing> standings;
};

DayRows read_rows(Reader& reader, DayIndex day, std::int64_t windows_per_day) {
    DayRows rows;
    for (WindowRecord& window : reader.windows_of(day, windows_per_day))
        rows.windows[window.device].push_back(std::move(window));
    for (const auto& [device, standing] : reader.standings()) rows.standings[device] = standing;
    return rows;
}

/// A window without a row was over before the device, or the network, was there.
std::vector<DayWindow> day_windows(const Calendar& calendar, DayIndex day,
                                   const std::vector<WindowRecord>& records) {
    std::vector<DayWindow> windows(static_cast<std::size_t>(calendar.windows_per_day()),
                                   {.outcome = WindowOutcome::unenrolled, .roll_call_rate = 0});
    for (const WindowRecord& record : records) {
        const std::int64_t at = record.window.value - calendar.first_window(day).value;
        windows.at(static_cast<std::size_t>(at)) = {.outcome = record.outcome,
                                                    .roll_call_rate = record.roll_call_rate};
    }
    return windows;
}

std::string reason_of(const DayResult& result, const StandingStep& step, const Policy& policy) {
    if (step.grace_used)
        return result.reason + "; a grace day covers it, " + std::to_string(step.after.grace_left) +
               " left";
    if (result.outcome != DayOutcome::down) return result.reason;
    std::uint32_t share = 0;
    for (const SlashTier& tier : policy.slash_tiers)
        if (tier.first_day == step.tier) share = tier.share.value;
    return result.reason + "; down day " + std::to_string(step.after.down_run) +
           " in a row, slashed " + to_credits(step.slashed) + " credits (" + std::to_string(share) +
           " ppm of the balance)";
}

}  // namespace

DaySettlement settle_day(Store& store, const Roster& roster, const Schedule& schedule, DayIndex day,
                         Instant now) {
    const Calendar calendar = schedule.calendar();
    const Span span = calendar.span(day);
    // It follows the store, where another verifier may have gone on.
    if (roster.as_of() != calendar.first_window(day + 1) - 1)
        throw StoreFailed{"the roster is not as of the last window of day " +
                          std::to_string(day.value) + ", so the day is not settled by it"};
    const auto policy = schedule.policy_on(day);
    const auto devices = roster.devices();
    DaySettlement settlement;
    store.write([&](Transaction& tx) {
        if (const auto known = tx.settled_day(day)) {
            settlement = {.day = *known, .devices = {}};
            return;
        }
        const DayRows rows = read_rows(tx, day, calendar.windows_per_day());
        std::vector<DayRecord> records;
        std::vector<DeviceState> states;
        for (const auto& device : devices) {
            if (device->enrolled >= span.end) continue;
            const auto windows = rows.windows.find(device->ref);
            const auto before = rows.standings.find(device->ref);
            const DayResult result =
                day_result(*policy,
                           {.day = day,
                            .programme_start = schedule.genesis().programme_start_day,
                            .enrolment_day = calendar.day_at(device->enrolled) == day ||
                                             calendar.day_at(device->active_from) == day},
                           day_windows(calendar, day,
                                       windows == rows.windows.end() ? std::vector<WindowRecord>{}
                                                                     : windows->second));
            const StandingStep stepped =
                step(before == rows.standings.end() ? Standing{} : before->second, result.outcome,
                     result.credit, *policy);
            const std::uint64_t rate = device->baseline_for(span.end);
            records.push_back({.device = device->ref,
                               .day = day,
                               .outcome = result.outcome,
                               .counted = result.counted,
                               .multiplier = result.multiplier,
                               .rate = result.rate,
                               .credit = result.credit,
                               .slashed = stepped.slashed,
                               .grace_used = stepped.grace_used,
                               .tier = stepped.tier,
                               .after = stepped.after,
                               .baseline = rate,
                               .reason = reason_of(result, stepped, *policy)});
            states.push_back({.device = device->id, .standing = stepped.after, .baseline = rate});
        }
        const SettledDay settled{.day = day,
                                 .state_hash = state_hash(schedule.network(), day, states),
                                 .devices = std::ssize(states),
                                 .settled = now};
        tx.settle_day(settled, records);
        if (tx.day_key(day)) tx.reveal_day_key(day, now);
        settlement = {.day = settled, .devices = std::move(records)};
    });
    return settlement;
}

}  // namespace vigil::verifier
