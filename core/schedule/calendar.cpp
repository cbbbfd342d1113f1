#include "core/schedule/calendar.hpp"

#include "core/base/require.hpp"

namespace vigil {
namespace {

std::int64_t whole_periods(Instant t, Milliseconds period) {
    require(t.time_since_epoch().count() >= 0, "the calendar starts at the Unix epoch");
    return t.time_since_epoch() / period;
}

Span period(std::int64_t index, Milliseconds length) {
    const Instant begin{index * length};
    return {begin, begin + length};
}

}  // namespace

Calendar::Calendar(const Policy& policy)
    : day_{policy.day},
      windows_per_day_{policy.windows_per_day},
      slots_per_window_{policy.slots_per_window} {
    require(windows_per_day_ > 0 && slots_per_window_ > 0 && day_.count() > 0 &&
                day_.count() % (windows_per_day_ * slots_per_window_) == 0,
            "a day divides into its windows and slots");
}

DayIndex Calendar::day_at(Instant t) const { return {whole_periods(t, day_length())}; }
WindowIndex Calendar::window_at(Instant t) const { return {whole_periods(t, window_length())}; }
SlotIndex Calendar::slot_at(Instant t) const { return {whole_periods(t, slot_length())}; }

Span Calendar::span(DayIndex d) const { return period(d.value, day_length()); }
Span Calendar::span(WindowIndex w) const { return period(w.value, window_length()); }
Span Calendar::span(SlotIndex s) const { return period(s.value, slot_length()); }

}  // namespace vigil
