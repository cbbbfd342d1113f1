#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "node/board.hpp"
#include "node/limits.hpp"
#include "node/metrics.hpp"

namespace vigil::node {

/// Follows the health of every device: shows it on the board and in the metrics, says when a device
/// is lost or comes back, and decides by the owner's limits which has to rest.
class LimitKeeper {
public:
    /// `limits` and `health` by the device's place on the board; the latter does not wait for a
    /// driver. `workload`: why all devices shall rest besides their limits; empty text: no reason.
    /// Board and metrics outlive the keeper.
    LimitKeeper(std::vector<Limits> limits, std::function<health::Health(std::size_t)> health,
                Board& board, Metrics& metrics, std::function<Instant()> now,
                std::function<std::string()> workload = {});

    /// Reads, decides, reports. Several times a second, from one thread.
    void look();

    /// Every device rests, or goes on, from the next look on: the owner's own hand. Any thread.
    void pause(bool rest) { paused_ = rest; }
    bool paused() const { return paused_; }

    /// What the latest look found; a device that is beyond a limit must not search. Any thread.
    Beyond beyond(std::size_t index) const;

private:
    struct Known {
        health::Presence presence = health::Presence::unknown;
        std::string why;  // of the presence
        std::string not_kept;
    };
    void look_at(std::size_t index, const DeviceStatus& device, const std::string& workload);
    void tell_presence(const DeviceStatus& device, const health::Health& now, Known& known);
    void tell_not_kept(std::size_t index, const DeviceStatus& device, const health::Health& now);
    void tell_pause(const DeviceStatus& device, bool rests, const std::string& why);

    const std::vector<Limits> limits_;
    const std::function<health::Health(std::size_t)> health_;
    const std::function<Instant()> now_;
    const std::function<std::string()> workload_;
    Board& board_;
    Metrics& metrics_;
    std::atomic<bool> paused_{false};
    std::vector<Known> known_;  // the looking thread's
    mutable std::mutex mutex_;
    std::vector<Beyond> beyond_;  // guarded by mutex_
};

/// "a check due meanwhile is missed (windows today: 3 of 6 passed)".
std::string pause_costs(const DeviceStatus& device);

}  // namespace vigil::node
