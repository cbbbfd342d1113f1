#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace vigil::node {

/// Does in the order given what waits for the disk, so that nobody who sends or searches does.
/// At most 4,096 jobs wait. Any thread.
class DiskThread {
public:
    DiskThread();
    ~DiskThread();  ///< does what is left

    /// False, and nothing is done, when too many wait. A job must not throw.
    bool post(std::function<void()> job);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::node
