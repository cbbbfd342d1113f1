#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vigil::node {

/// A fixed number of threads that run one job at a time together, the calling thread among them.
/// Threads are started once and sleep in between. One caller at a time.
class WorkerCrew {
public:
    /// `size` counts the caller: 1 starts no thread.
    explicit WorkerCrew(unsigned size);
    ~WorkerCrew();
    WorkerCrew(const WorkerCrew&) = delete;
    WorkerCrew& operator=(const WorkerCrew&) = delete;

    unsigned size() const { return static_cast<unsigned>(threads_.size()) + 1; }

    /// Runs job(0) … job(size − 1), 0 in the caller; returns when all have returned. A job must not
    /// throw.
    void run(const std::function<void(unsigned)>& job);

private:
    void work(unsigned index);

    std::vector<std::thread> threads_;

    // guarded by mutex_
    std::mutex mutex_;
    std::condition_variable started_;
    std::condition_variable finished_;
    const std::function<void(unsigned)>* job_{};
    std::uint64_t round_{};
    unsigned running_{};
    bool closing_{};
};

}  // namespace vigil::node
