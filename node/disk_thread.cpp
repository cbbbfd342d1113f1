#include "node/disk_thread.hpp"

#include <utility>

namespace vigil::node {
namespace {

constexpr std::size_t most_jobs = 4'096;

}  // namespace

DiskThread::DiskThread() : thread_{[this] { run(); }} {}

DiskThread::~DiskThread() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

bool DiskThread::post(std::function<void()> job) {
    const std::lock_guard lock{mutex_};
    if (jobs_.size() >= most_jobs) return false;
    jobs_.push_back(std::move(job));
    changed_.notify_all();
    return true;
}

void DiskThread::run() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        const auto job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        job();
        lock.lock();
    }
}

}  // namespace vigil::node
