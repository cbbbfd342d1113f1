#include "verifier/clock_guard.hpp"

namespace vigil::verifier {
namespace {

/// Two clocks are compared only when they were read within this time of each other: a process may
/// be stopped, or its machine sleep, between two statements.
constexpr Milliseconds one_moment{500};
constexpr int tries = 10;

}  // namespace

ClockGuard::ClockGuard(Clock wall, Stopwatch passed, Hooks hooks)
    : wall_{std::move(wall)},
      passed_{std::move(passed)},
      hooks_{std::move(hooks)},
      believed_{look()},
      furthest_{believed_} {}

ClockGuard::Look ClockGuard::look() const {
    Look seen{};
    Milliseconds before = passed_();
    for (int i = 0; i < tries; ++i) {
        seen = {.wall = wall_(), .passed = passed_()};
        if (seen.passed - before < one_moment) break;
        before = seen.passed;
    }
    return seen;
}

Instant ClockGuard::now() {
    Milliseconds jump{};
    std::optional<ClockLeap> leap;
    bool released = false;
    Instant now;
    {
        const std::lock_guard lock{mutex_};
        const Look seen = look();
        const Instant due = believed_.after(seen.passed);
        const Instant furthest = furthest_.after(seen.passed);
        if (seen.wall - furthest > leap_max) {
            if (!held_) leap = {.says = seen.wall, .due = due};
            held_ = {.says = seen.wall, .due = due};
            now = due;
        } else {
            released = held_.has_value();
            held_.reset();
            jump = seen.wall - due;
            if (jump > step_max) ++steps_ahead_;
            if (seen.wall > furthest) furthest_ = seen;
            believed_ = seen;
            now = seen.wall;
        }
    }
    if (leap && hooks_.held) hooks_.held(*leap);
    if (released && hooks_.released) hooks_.released();
    if (std::chrono::abs(jump) > step_max && hooks_.jumped) hooks_.jumped(jump);
    return now;
}

std::optional<ClockLeap> ClockGuard::held() const {
    const std::lock_guard lock{mutex_};
    return held_;
}

std::uint64_t ClockGuard::steps_ahead() const {
    const std::lock_guard lock{mutex_};
    return steps_ahead_;
}

}  // namespace vigil::verifier
