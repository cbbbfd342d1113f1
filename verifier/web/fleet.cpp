#include "verifier/web/fleet.hpp"

#include <algorithm>

namespace vigil::verifier::web {
namespace {

constexpr Milliseconds grace{1'000};  ///< for answers that are being judged

State state_of(const FleetDevice& device, const Beat& beat, DayIndex today,
               const std::optional<FleetCheck>& last, Milliseconds memory) {
    if (device.retired_from && *device.retired_from <= today) return State::retired;
    if (!last || device.active_from > last->start)
        return beat.passed ? State::online : State::waiting;
    if (!beat.passed) return State::offline;
    if (*beat.passed >= last->start) return State::online;
    return last->start - *beat.passed <= memory ? State::suspect : State::offline;
}

}  // namespace

std::string_view to_string(State state) {
    switch (state) {
        case State::online:
            return "online";
        case State::suspect:
            return "suspect";
        case State::offline:
            return "offline";
        case State::waiting:
            return "waiting";
        case State::retired:
            return "retired";
    }
    return "?";
}

std::optional<FleetCheck> last_fleet_check(Schedule& schedule, Instant now) {
    const WindowIndex window = schedule.calendar().window_at(now);
    for (const WindowIndex w : {window, window - 1}) {
        const auto plan = schedule.plan(w);
        for (auto check = plan->fleet.rbegin(); check != plan->fleet.rend(); ++check)
            if (check->deadline + grace <= now) return *check;
    }
    return std::nullopt;
}

std::shared_ptr<const Fleet> fleet_at(std::shared_ptr<const FleetRecords> records, Instant now,
                                      Schedule& schedule, const Pulse& pulse,
                                      std::uint64_t version) {
    auto out = std::make_shared<Fleet>();
    const auto last = last_fleet_check(schedule, now);
    const Calendar calendar = schedule.calendar();
    const DayIndex today = calendar.day_at(now);
    out->at = now;
    out->version = version;
    out->states.reserve(records->devices.size());
    out->provider_states.resize(records->providers.size());
    out->roll_call = pulse.last_roll_call();
    for (const FleetDevice& device : records->devices) {
        const State state =
            state_of(device, pulse.of(device.ref), today, last, calendar.window_length());
        out->states.push_back(state);
        const auto at = static_cast<std::size_t>(state);
        ++out->counts[at];
        ++out->provider_states[device.provider][at];
        if (state == State::online) out->rate += device.rate;
        if (out->roll_call && state != State::retired &&
            device.active_from <= out->roll_call->start)
            ++out->roll_call_expected;
    }
    out->records = std::move(records);
    return out;
}

}  // namespace vigil::verifier::web
