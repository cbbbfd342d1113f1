#include "health/monitor.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/base/require.hpp"
#include "health/nvml.hpp"
#include "health/sysfs.hpp"

namespace vigil::health {
namespace {

using std::chrono::steady_clock;

/// All that a thread touches, so that one that never returns from its driver can be left behind.
struct Sources {
    explicit Sources(const MonitorOptions& options)
        : nvml{options.nvml_library}, sysfs{options.sysfs} {}
    Nvml nvml;
    Sysfs sysfs;
};

}  // namespace

struct Monitor::Watched {
    const Place place;
    const Milliseconds every;
    const std::shared_ptr<Sources> sources;

    mutable std::mutex mutex;
    mutable std::condition_variable changed;
    // guarded by mutex
    std::optional<steady_clock::time_point> taken;
    Look last;
    bool stopping = false;
    bool ended = false;
    std::thread thread;

    Watched(Place device, Milliseconds period, std::shared_ptr<Sources> from)
        : place{std::move(device)}, every{period}, sources{std::move(from)} {}

    Look look(bool seen) const;
    void run();
};

/// `seen`: it was there before, so that its absence is a loss.
Look Monitor::Watched::look(bool seen) const {
    Look found = sources->nvml.look(place.uid);
    if (found.presence == Presence::silent)
        found = sources->sysfs.look(place.uid, place.pci_address);
    if (found.presence == Presence::silent && seen)
        return {Presence::lost, "its driver no longer lists it", {}};
    return found;
}

void Monitor::Watched::run() {
    bool seen = false;
    std::unique_lock lock{mutex};
    while (!stopping) {
        lock.unlock();
        Look found = look(seen);
        seen = seen || found.presence == Presence::present;
        lock.lock();
        last = std::move(found);
        taken = steady_clock::now();
        changed.notify_all();
        changed.wait_for(lock, every, [this] { return stopping; });
    }
    ended = true;
    changed.notify_all();
}

Monitor::Monitor(const std::vector<Place>& devices, const MonitorOptions& options)
    : stale_{options.stale} {
    const auto sources = std::make_shared<Sources>(options);
    for (const Place& device : devices) {
        watched_.push_back(std::make_shared<Watched>(device, options.every, sources));
        watched_.back()->thread = std::thread{[watched = watched_.back()] { watched->run(); }};
    }
}

Monitor::~Monitor() {
    for (const auto& watched : watched_) {
        const std::lock_guard lock{watched->mutex};
        watched->stopping = true;
        watched->changed.notify_all();
    }
    const auto patience = steady_clock::now() + Milliseconds{500};
    for (const auto& watched : watched_) {
        std::unique_lock lock{watched->mutex};
        const bool ended =
            watched->changed.wait_until(lock, patience, [&] { return watched->ended; });
        lock.unlock();
        if (ended)
            watched->thread.join();
        else
            watched->thread.detach();
    }
}

Health Monitor::read(std::size_t index) const {
    require(index < watched_.size(), "a device that is watched");
    const Watched& watched = *watched_[index];
    const std::lock_guard lock{watched.mutex};
    if (!watched.taken) return {Presence::unknown, "its driver has not answered yet", {}, {}};
    const auto age = std::chrono::floor<Milliseconds>(steady_clock::now() - *watched.taken);
    if (age > stale_)
        return {Presence::unknown,
                "its driver has not answered for " + std::to_string(age.count() / 1000) + " s",
                {},
                age};
    Health health{watched.last.presence, watched.last.why, {}, age};
    if (health.presence == Presence::present) health.reading = watched.last.reading;
    return health;
}

bool Monitor::wait_first(Milliseconds limit) const {
    const auto until = steady_clock::now() + limit;
    for (const auto& watched : watched_) {
        std::unique_lock lock{watched->mutex};
        if (!watched->changed.wait_until(lock, until, [&] { return watched->taken.has_value(); }))
            return false;
    }
    return true;
}

}  // namespace vigil::health
