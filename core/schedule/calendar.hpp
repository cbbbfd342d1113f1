#pragma once

#include <compare>
#include <cstdint>

#include "core/base/instant.hpp"
#include "core/policy/policy.hpp"

namespace vigil {

/// A position in the calendar, counted from the Unix epoch (protocol 2.2). Passing a WindowIndex where a
/// DayIndex is wanted does not compile.
template <class Tag>
struct Index {
    std::int64_t value{};
    friend auto operator<=>(const Index&, const Index&) = default;
    friend constexpr Index operator+(Index i, std::int64_t n) { return {i.value + n}; }
    friend constexpr Index operator-(Index i, std::int64_t n) { return {i.value - n}; }
    constexpr Index& operator++() { ++value; return *this; }
};
using DayIndex = Index<struct DayTag>;
using WindowIndex = Index<struct WindowTag>;
using SlotIndex = Index<struct SlotTag>;

/// A half-open span of time (protocol 2.2).
struct Span {
    Instant begin;
    Instant end;
    constexpr bool contains(Instant t) const { return begin <= t && t < end; }
};

/// The calendar of a policy (protocol 2). Times before the epoch are not supported.
class Calendar {
public:
    explicit Calendar(const Policy& policy);

    Milliseconds day_length() const { return day_; }
    Milliseconds window_length() const { return day_ / windows_per_day_; }
    Milliseconds slot_length() const { return window_length() / slots_per_window_; }
    std::int64_t windows_per_day() const { return windows_per_day_; }
    std::int64_t slots_per_window() const { return slots_per_window_; }

    DayIndex day_at(Instant t) const;
    WindowIndex window_at(Instant t) const;
    SlotIndex slot_at(Instant t) const;

    DayIndex day_of(WindowIndex w) const { return {w.value / windows_per_day_}; }
    WindowIndex window_of(SlotIndex s) const { return {s.value / slots_per_window_}; }
    WindowIndex first_window(DayIndex d) const { return {d.value * windows_per_day_}; }
    SlotIndex first_slot(WindowIndex w) const { return {w.value * slots_per_window_}; }

    Span span(DayIndex d) const;
    Span span(WindowIndex w) const;
    Span span(SlotIndex s) const;

private:
    Milliseconds day_;
    std::int64_t windows_per_day_;
    std::int64_t slots_per_window_;
};

}  // namespace vigil
