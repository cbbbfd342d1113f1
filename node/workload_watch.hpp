#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "node/board.hpp"
#include "node/metrics.hpp"
#include "node/workload.hpp"

namespace vigil::node {

/// Looks at each of the owner's workloads on a thread of its own, so that none holds up another or
/// the node; shows how they do on the board, in the metrics and the log.
class WorkloadWatch {
public:
    struct Watched {
        Workload workload;
        WorkloadLook look;
    };
    /// Adds the workloads to `board`, which outlives this, as `metrics` does. At most
    /// most_workloads.
    WorkloadWatch(std::vector<Watched> watched, Board& board, Metrics& metrics,
                  std::function<Instant()> now);
    ~WorkloadWatch();  ///< a look under way is abandoned

    /// Why the devices shall rest: those that fail and say `pause`. Empty: none does. Any thread.
    std::string pauses() const;

private:
    void watch(std::size_t index);
    bool wait(Milliseconds time);
    void take(std::size_t index, const std::string& trouble);

    const std::vector<Watched> watched_;
    const std::function<Instant()> now_;
    Board& board_;
    Metrics& metrics_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::vector<WorkloadState> states_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

std::vector<WorkloadWatch::Watched> watched_of(const std::vector<Workload>& workloads);

}  // namespace vigil::node
