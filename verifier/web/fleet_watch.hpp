#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "verifier/roster.hpp"
#include "verifier/web/fleet.hpp"

namespace vigil::verifier::web {

/// Keeps a Fleet that is at most some seconds old, on a thread of its own, so that a page of any
/// network is an answer from memory. The records are read again when a window was closed, a day
/// settled or the roster changed; the states every two seconds.
class FleetWatch {
public:
    struct Hooks {
        std::function<Instant()> clock;                      ///< must be given
        std::function<void(const Fleet&)> changed;           ///< told each time; must be quick
        std::function<void(const std::string& why)> failed;  ///< the store could not be read
    };
    FleetWatch(Store& store, const Roster& roster, Schedule& schedule, Pulse& pulse, Hooks hooks);
    ~FleetWatch();  ///< stops

    /// Reads what there is, once, and starts. Throws StoreFailed.
    void start();
    void stop();
    /// Never null after start(). Any thread.
    std::shared_ptr<const Fleet> fleet() const;

    /// What the thread does every two seconds; for tests and for start().
    void look();

private:
    void recall();
    void run();

    Store& store_;
    const Roster& roster_;
    Schedule& schedule_;
    Pulse& pulse_;
    const Hooks hooks_;
    std::chrono::steady_clock::time_point next_reading_;  ///< of look()
    mutable std::mutex mutex_;
    std::condition_variable woken_;
    // guarded by mutex_
    std::shared_ptr<const Fleet> fleet_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::verifier::web
