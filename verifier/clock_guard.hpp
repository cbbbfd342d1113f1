#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "core/base/instant.hpp"

namespace vigil::verifier {

using Clock = std::function<Instant()>;           ///< the wall clock, UTC; any thread
using Stopwatch = std::function<Milliseconds()>;  ///< only grows, from any origin; any thread

/// What a wall clock says that leapt ahead, and what was due by the time that passed.
struct ClockLeap {
    Instant says;
    Instant due;
};

/// The clock a verifier goes by: the wall clock, as long as it does not leap (protocol 1.4).
///
/// Each look is compared with the furthest that was believed plus the time that passed since. A
/// wall clock that is more than `leap_max` ahead of it was set, and what would follow from
/// believing it (windows closed over people who could not answer, day keys published) cannot be
/// taken back. So it is not believed: from then on now() is what it was plus the time that passed,
/// and held() says why, until the wall clock is back within `leap_max`. A new guard, which is a
/// restart, believes any clock.
///
/// A clock that steps back is believed: nothing is decided early by it. Nor is anything when it is
/// set right again later, because the furthest look had been there before.
///
/// All members may be called from any thread.
class ClockGuard {
public:
    static constexpr Milliseconds leap_max{60'000};
    /// A step by more is told, and one ahead is counted: it is a good part of a check's slack.
    static constexpr Milliseconds step_max{2'000};

    /// Told from whichever thread looked; must be quick. May be empty.
    struct Hooks {
        /// The clock moved by this much more than time passed, and was believed.
        std::function<void(Milliseconds)> jumped;
        std::function<void(const ClockLeap&)> held;  ///< once for each leap
        std::function<void()> released;
    };

    ClockGuard(Clock wall, Stopwatch passed, Hooks hooks);

    Instant now();
    std::optional<ClockLeap> held() const;  ///< as of the last look
    /// Steps ahead by more than `step_max` that were believed, so far. Whoever has a time from
    /// now() and asks then is told of every step before it.
    std::uint64_t steps_ahead() const;

private:
    struct Look {
        Instant wall;
        Milliseconds passed;
        Instant after(Milliseconds now_passed) const { return wall + (now_passed - passed); }
    };
    Look look() const;

    const Clock wall_;
    const Stopwatch passed_;
    const Hooks hooks_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    Look believed_;  ///< the last that was believed
    Look furthest_;  ///< of those that were believed, by the time that passed
    std::optional<ClockLeap> held_;
    std::uint64_t steps_ahead_{};
};

}  // namespace vigil::verifier
