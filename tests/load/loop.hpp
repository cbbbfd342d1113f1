#pragma once

#include <chrono>
#include <functional>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace vigil::load {

using Steady = std::chrono::steady_clock;

/// A completion queue and the thread that serves it: everything of the connections bound to it
/// happens there.
class Loop {
public:
    using Task = std::function<void()>;
    using Done = std::function<void(bool ok)>;  ///< the tag of an operation; outlives it

    Loop();
    ~Loop();  ///< every operation on the queue has ended

    grpc::CompletionQueue& queue() { return queue_; }
    void post(Task task);        ///< from any thread
    void run(const Task& task);  ///< posts and waits for it; not from the loop's thread
    void after(Steady::time_point when, Task task);  ///< on the thread only

private:
    void serve();
    void run_posts();
    void run_due();

    grpc::CompletionQueue queue_;
    std::mutex mutex_;
    // guarded by mutex_
    std::vector<Task> posts_;
    grpc::Alarm alarm_;
    bool woken_ = false;
    // of the thread
    std::multimap<Steady::time_point, Task> due_;
    Done posted_;
    std::thread thread_;
};

}  // namespace vigil::load
