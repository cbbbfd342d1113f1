#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>

#include "verifier/clock_guard.hpp"
#include "verifier/metered_store.hpp"
#include "verifier/scheduler.hpp"

namespace vigil::verifier {

/// Whether anything can be promised to nodes. Any thread.
class Readiness {
public:
    void serve(bool serves) {
        serving_ = serves;
        started_ = true;
    }
    bool started() const { return started_; }  ///< served, or does; the rest of it may be asked
    void check_started(Milliseconds lag);      ///< behind its published start

    struct Parts {
        const ClockGuard& clock;
        const Timeline& timeline;
        const MeteredStore& store;
        const Scheduler& scheduler;
    };
    /// Nothing while all is well, else what /readyz says.
    std::optional<std::string> why_not(const Parts& parts) const;

private:
    static constexpr std::chrono::seconds late_for_{60};  ///< how long a late start counts
    std::atomic<bool> serving_{false}, started_{false};
    std::atomic<std::chrono::steady_clock::duration> late_start_{-late_for_};
};

}  // namespace vigil::verifier
