#include "core/uptime/day.hpp"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>

#include "core/base/readable.hpp"
#include "core/base/require.hpp"

namespace vigil {
namespace {

using boost::multiprecision::uint256_t;  // 64 + 60 + 30 bits at most: nothing is lost before the
                                         // division

std::uint32_t count_of(std::span<const DayWindow> windows, WindowOutcome outcome) {
    return static_cast<std::uint32_t>(
        std::count_if(windows.begin(), windows.end(),
                      [outcome](const DayWindow& window) { return window.outcome == outcome; }));
}

DayOutcome outcome_of(std::span<const DayWindow> windows, bool enrolment_day) {
    if (count_of(windows, WindowOutcome::complete) > 0) return DayOutcome::up;
    if (enrolment_day || count_of(windows, WindowOutcome::incomplete) == 0)
        return DayOutcome::excused;
    return DayOutcome::down;
}

/// Protocol 7.3; `complete` is not zero.
std::uint64_t mean_rate(std::span<const DayWindow> windows, std::uint32_t complete) {
    u128 sum{};
    for (const DayWindow& window : windows)
        if (window.outcome == WindowOutcome::complete) sum += window.roll_call_rate;
    return static_cast<std::uint64_t>(sum / complete);
}

/// "4 complete, 1 incomplete, 1 void": the kinds that occur, in the order of their numbers.
std::string tally(std::span<const DayWindow> windows) {
    std::string text;
    for (const WindowOutcome outcome :
         {WindowOutcome::complete, WindowOutcome::incomplete, WindowOutcome::voided,
          WindowOutcome::maintenance, WindowOutcome::busy, WindowOutcome::unenrolled}) {
        const std::uint32_t count = count_of(windows, outcome);
        if (count == 0) continue;
        if (!text.empty()) text += ", ";
        text += grouped(count) + " " + std::string{to_string(outcome)};
    }
    return text;
}

void credit_up_day(DayResult& result, const Policy& policy, const DayFacts& facts) {
    const Micro base = base_on(policy, facts.day, facts.programme_start);
    const uint256_t product =
        uint256_t{result.rate} * uint256_t{base.count()} * result.multiplier.value;
    const uint256_t earned = product / 1'000'000'000'000;
    result.credit = Micro{static_cast<u128>(earned)};
    result.reason += "; N = " + grouped(result.counted) + "; " + grouped(result.rate) + " H/s × " +
                     to_credits(base) + " credits per MH/s × " + factor(result.multiplier) + " = " +
                     to_credits(result.credit) + " credits";
    if (policy.daily_cap && *policy.daily_cap < result.credit) {
        result.credit = *policy.daily_cap;
        result.reason += ", capped at " + to_credits(result.credit);
    }
}

}  // namespace

std::string_view to_string(DayOutcome outcome) {
    switch (outcome) {
        case DayOutcome::up:
            return "up";
        case DayOutcome::down:
            return "down";
        case DayOutcome::excused:
            return "excused";
    }
    require(false, "a day outcome out of its enumeration");
    return {};
}

DayResult day_result(const Policy& policy, const DayFacts& facts,
                     std::span<const DayWindow> windows) {
    require(windows.size() == policy.windows_per_day, "a day has windows_per_day windows");
    const std::uint32_t complete = count_of(windows, WindowOutcome::complete);
    DayResult result;
    result.outcome = outcome_of(windows, facts.enrolment_day);
    result.counted = complete + count_of(windows, WindowOutcome::voided);
    result.multiplier = policy.multiplier.at(result.counted);
    result.reason = tally(windows);
    switch (result.outcome) {
        case DayOutcome::up:
            result.rate = mean_rate(windows, complete);
            credit_up_day(result, policy, facts);
            break;
        case DayOutcome::down:
            result.reason += "; no window complete";
            break;
        case DayOutcome::excused:
            result.reason += count_of(windows, WindowOutcome::incomplete) > 0
                                 ? "; excused as the day of enrolment"
                                 : "; excused, as no window could be judged";
            break;
    }
    return result;
}

Micro base_on(const Policy& policy, DayIndex day, DayIndex programme_start) {
    Micro base = policy.base_per_mhs;
    if (policy.decay.value == Ppm::one) return base;
    const std::int64_t full_periods = (day.value - programme_start.value) / policy.decay_days;
    // Below one the base falls with every period and reaches zero, so this ends early on a long
    // calendar.
    for (std::int64_t i = 0; i < full_periods && base > Micro{}; ++i)
        base = base.scaled_down(policy.decay);
    return base;
}

}  // namespace vigil
