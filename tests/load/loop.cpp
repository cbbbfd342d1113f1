#include "tests/load/loop.hpp"

#include <future>
#include <utility>

namespace vigil::load {
namespace {

/// How long the queue sleeps when nothing is due.
constexpr std::chrono::milliseconds longest_sleep{100};

gpr_timespec at(Steady::time_point when) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(when - Steady::now());
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

}  // namespace

Loop::Loop() : posted_{[this](bool) { run_posts(); }}, thread_{[this] { serve(); }} {}

Loop::~Loop() {
    post([this] { queue_.Shutdown(); });
    thread_.join();
}

void Loop::post(Task task) {
    const std::lock_guard lock{mutex_};
    posts_.push_back(std::move(task));
    if (std::exchange(woken_, true)) return;
    alarm_.Set(&queue_, gpr_inf_past(GPR_CLOCK_MONOTONIC), &posted_);
}

void Loop::run(const Task& task) {
    std::promise<void> done;
    post([&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

void Loop::after(Steady::time_point when, Task task) { due_.emplace(when, std::move(task)); }

void Loop::run_posts() {
    std::vector<Task> posts;
    {
        const std::lock_guard lock{mutex_};
        posts.swap(posts_);
        woken_ = false;
    }
    for (const Task& task : posts) task();
}

void Loop::run_due() {
    for (const auto now = Steady::now(); !due_.empty() && due_.begin()->first <= now;) {
        const Task task = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        task();
    }
}

void Loop::serve() {
    for (;;) {
        auto until = Steady::now() + longest_sleep;
        if (!due_.empty()) until = std::min(until, due_.begin()->first);
        void* tag{};
        bool ok{};
        const auto status = queue_.AsyncNext(&tag, &ok, at(until));
        if (status == grpc::CompletionQueue::SHUTDOWN) return;
        if (status == grpc::CompletionQueue::GOT_EVENT) (*static_cast<Done*>(tag))(ok);
        run_due();
    }
}

}  // namespace vigil::load
