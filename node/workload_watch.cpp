#include "node/workload_watch.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "core/base/require.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {

using Is = WorkloadState::Is;

std::vector<WorkloadWatch::Watched> watched_of(const std::vector<Workload>& workloads) {
    std::vector<WorkloadWatch::Watched> watched;
    for (const Workload& workload : workloads) watched.push_back({workload, look_of(workload)});
    return watched;
}

WorkloadWatch::WorkloadWatch(std::vector<Watched> watched, Board& board, Metrics& metrics,
                             std::function<Instant()> now)
    : watched_{std::move(watched)},
      now_{std::move(now)},
      board_{board},
      metrics_{metrics},
      states_(watched_.size()) {
    require(watched_.size() <= most_workloads, "a bounded number of workloads");
    std::vector<WorkloadStatus> shown;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        const Workload& workload = watched_[i].workload;
        states_[i].since = now_();
        shown.push_back({workload.name, way_words(workload),
                         workload.on_failure == OnFailure::pause, states_[i]});
        metrics_.add_workload(workload.name);
    }
    board_.change([&](NodeStatus& status) { status.workloads = std::move(shown); });
    for (std::size_t i = 0; i < watched_.size(); ++i)
        threads_.emplace_back([this, i] { watch(i); });
}

WorkloadWatch::~WorkloadWatch() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

std::string WorkloadWatch::pauses() const {
    const std::lock_guard lock{mutex_};
    std::string why;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        const Workload& workload = watched_[i].workload;
        if (workload.on_failure != OnFailure::pause || states_[i].is != Is::failing) continue;
        why +=
            fmt::format("{}workload {} fails: {}; goes on when it is well", why.empty() ? "" : "; ",
                        workload.name, edge::for_log(states_[i].why, 120));
    }
    return why;
}

bool WorkloadWatch::wait(Milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void WorkloadWatch::watch(std::size_t index) {
    const Watched& own = watched_[index];
    const auto stopping = [this] {
        const std::lock_guard lock{mutex_};
        return stopping_;
    };
    do {
        std::string trouble;
        try {
            trouble = own.look(stopping);
        } catch (const std::exception& failure) {
            trouble = failure.what();
        }
        if (stopping()) return;
        take(index, trouble);
    } while (wait(own.workload.interval));
}

void WorkloadWatch::take(std::size_t index, const std::string& trouble) {
    const Workload& workload = watched_[index].workload;
    WorkloadState before, after;
    {
        const std::lock_guard lock{mutex_};
        before = states_[index];
        after = states_[index] = step(before, workload.failures, trouble, now_());
    }
    metrics_.count_workload(workload.name, trouble.empty(), after.is != Is::failing);
    board_.change([&](NodeStatus& status) { status.workloads.at(index).state = after; });
    const std::string why = edge::for_log(trouble, 200);
    if (after.is == Is::failing && before.is != Is::failing)
        spdlog::error("workload {} ({}) fails, {} looks in a row: {}{}", workload.name,
                      way_words(workload), after.failures_in_row, why,
                      workload.on_failure == OnFailure::pause
                          ? "; the devices rest until it is well again"
                          : "; it is reported and nothing else (on_failure)");
    else if (!trouble.empty() && trouble != before.why)
        spdlog::warn("workload {} ({}): {} ({} of {} before it counts as failing)", workload.name,
                     way_words(workload), why, std::min(after.failures_in_row, workload.failures),
                     workload.failures);
    if (after.is == Is::good && before.is == Is::failing)
        spdlog::info("workload {} is well again after {}", workload.name,
                     time_words(now_() - before.since));
}

}  // namespace vigil::node
