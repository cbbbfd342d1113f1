#include "node/worker_crew.hpp"

#include "core/base/require.hpp"

namespace vigil::node {

WorkerCrew::WorkerCrew(unsigned size) {
    require(size >= 1, "a crew has at least its caller");
    threads_.reserve(size - 1);
    for (unsigned i = 1; i < size; ++i) threads_.emplace_back([this, i] { work(i); });
}

WorkerCrew::~WorkerCrew() {
    {
        const std::lock_guard lock{mutex_};
        closing_ = true;
    }
    started_.notify_all();
    for (auto& thread : threads_) thread.join();
}

void WorkerCrew::run(const std::function<void(unsigned)>& job) {
    if (!threads_.empty()) {
        const std::lock_guard lock{mutex_};
        job_ = &job;
        running_ = static_cast<unsigned>(threads_.size());
        ++round_;
        started_.notify_all();
    }
    job(0);
    std::unique_lock lock{mutex_};
    finished_.wait(lock, [this] { return running_ == 0; });
}

void WorkerCrew::work(unsigned index) {
    std::uint64_t seen = 0;
    std::unique_lock lock{mutex_};
    for (;;) {
        started_.wait(lock, [&] { return closing_ || round_ != seen; });
        if (closing_) return;
        seen = round_;
        const auto& job = *job_;
        lock.unlock();
        job(index);
        lock.lock();
        if (--running_ == 0) finished_.notify_one();
    }
}

}  // namespace vigil::node
