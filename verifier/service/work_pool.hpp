#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "verifier/bounded_queue.hpp"

namespace vigil::verifier {

/// Threads for calls that may wait for the store.
class WorkPool {
public:
    using Work = std::function<void()>;  ///< throws nothing

    WorkPool(unsigned threads, std::size_t limit) : queue_{limit} {
        for (unsigned i = 0; i < threads; ++i)
            threads_.emplace_back([this] {
                while (const auto work = queue_.take()) (*work)();
            });
    }
    ~WorkPool() { stop(); }

    bool offer(Work work) { return queue_.offer(work); }  ///< false: full or stopped
    std::size_t waiting() const { return queue_.size(); }

    /// Finishes what was accepted. Not from a work thread; repeating is harmless.
    void stop() {
        queue_.close();
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

private:
    BoundedQueue<Work> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace vigil::verifier
