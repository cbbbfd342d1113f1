#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "proto/edge/notifier.hpp"
#include "verifier/incidents.hpp"

namespace vigil::verifier {

/// Tells the operator of incidents. Of several verifiers on one store only the one that closes a
/// window hears of it here, so each incident of a device is told once; each tells of itself when it
/// is not ready. Reads the store on a thread of its own; nobody waits for it.
class IncidentDesk {
public:
    struct Hooks {
        std::function<Instant()> clock;
        std::function<void(const std::string& why)> failed;  ///< the store could not be read
    };
    /// A verifier that is not ready for so long is an incident.
    static constexpr Milliseconds patience{60'000};

    /// `incidents` and `notifier` outlive this.
    IncidentDesk(DeviceIncidents& incidents, edge::Notifier& notifier, std::string source,
                 Hooks hooks);
    ~IncidentDesk();  ///< stops

    void start();
    void stop();
    void window_closed(WindowIndex window);  ///< any thread
    void day_settled(DayIndex day);          ///< any thread
    /// Every few seconds, from one thread: why this verifier is not ready, if it is not, and
    /// whether it keeps the books. Pings while all is well and it does.
    void look(const std::optional<std::string>& trouble, bool keeps_books);

    /// What the thread does when something was closed or settled; for tests.
    void work();

private:
    void run();

    DeviceIncidents& incidents_;
    edge::Notifier& notifier_;
    const std::string source_;
    const Hooks hooks_;
    IncidentReport latest_;  // of work()
    Incident own_;           // of look(), as are the next two
    std::optional<Instant> since_;
    std::string why_;
    std::mutex mutex_;
    std::condition_variable woken_;
    // guarded by mutex_
    std::optional<WindowIndex> first_;  ///< closed here and not told of
    std::optional<WindowIndex> closed_;
    std::optional<DayIndex> settled_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::verifier
