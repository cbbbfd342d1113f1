#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/uptime/incident.hpp"
#include "node/board.hpp"
#include "node/config.hpp"
#include "node/metrics.hpp"
#include "proto/edge/notifier.hpp"

namespace vigil::node {

/// The incidents of one node, as its board shows them: windows that a device misses in a row, a
/// card that is lost, a verifier that is not reached for five minutes, a workload that fails. What
/// an owner wants, such as a pause, is none. Pure but for what it remembers.
class NodeIncidents {
public:
    /// `windows`: missed in a row. Starts from `first`: what is wrong then is told when it goes on.
    NodeIncidents(std::uint32_t windows, const NodeStatus& first);

    /// The notices of what changed since the last look.
    std::vector<edge::Notice> look(const NodeStatus& now, Instant at);
    bool any_open() const;

private:
    struct Subject {
        std::string title;  ///< of its notices, "cuda0 misses windows"
        std::vector<std::string> lines;
        std::vector<std::pair<std::string, std::string>> facts;
    };
    /// `since`: when this sign began.
    void judge(const std::string& key, const Subject& subject, Sign sign, std::uint32_t open_after,
               Instant at, Instant since);
    void look_at(const DeviceStatus& before, const DeviceStatus& now, Instant at);

    const std::uint32_t windows_;
    NodeStatus before_;
    std::map<std::string, Incident> incidents_;  ///< by subject; bounded by devices and workloads
    std::vector<edge::Notice> notices_;          ///< of the look under way
};

/// Tells the owner's channels of them, once a second at most, and pings while all is well and the
/// verifier is connected. For one thread; `board` and `metrics` outlive this.
class OwnerNotices {
public:
    /// Throws Fatal for a channel whose secrets cannot be read.
    OwnerNotices(const Config& config, const Board& board, Metrics& metrics,
                 std::function<Instant()> now);
    void look();

private:
    const Board& board_;
    const std::function<Instant()> now_;
    NodeIncidents incidents_;
    edge::Notifier notifier_;
    std::chrono::steady_clock::time_point looked_{};
};

}  // namespace vigil::node
