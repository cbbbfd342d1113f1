#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "verifier/clock_guard.hpp"
#include "verifier/timeline.hpp"

namespace vigil::verifier {

/// Told from the scheduler's threads; must be quick. May be empty.
struct SchedulerHooks {
    /// A StoreFailed (or another exception) of `task`; it is tried again after `retry`.
    std::function<void(const std::string& task, const std::string& why, Milliseconds retry)> failed;
};

/// Drives a Timeline in real time: starts on one thread, books on another, so that closing a large
/// window never delays the beginning of a check, and on a third what other verifiers wrote. Wakes
/// at least once a second, because the wall clock may jump. A failure is retried with backoff (0.1
/// s to 5 s), for ever: nothing is skipped. While the guard holds the clock, checks and heartbeats
/// go on by the time it gives, and the books wait: no window is closed, no day settled, no key
/// drawn or revealed. Steps ahead that the guard believed are told to the timeline before anything
/// else is done at a time after them.
class Scheduler {
public:
    Scheduler(Timeline& timeline, ClockGuard& clock, SchedulerHooks hooks);
    ~Scheduler();  ///< stops

    void start();
    /// Returns when nothing of it runs any more; the current tasks are finished, all at the same
    /// time. By the owner only.
    void stop();

    /// Time since all threads last got through; large: one of them hangs or fails.
    std::chrono::steady_clock::duration silence() const;

private:
    struct Loop;
    std::unique_ptr<Loop> checks_, books_, following_;
};

}  // namespace vigil::verifier
