#pragma once

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace vigil::verifier {

/// Two queues to the same threads, each with `limit` items at most, so that neither fills the
/// other. While both hold something, the second gets every fourth turn: it slows the first down by
/// no more, and is never left to wait for ever. Once closed it takes nothing more and gives out
/// what it holds.
template <class T>
class TwoLanes {
public:
    enum class Lane : std::size_t { first, second };

    explicit TwoLanes(std::size_t limit) : limit_{limit} {}

    /// False, and `item` untouched, when the lane is full or all is closed. Never waits.
    bool offer(Lane lane, T& item) {
        {
            const std::lock_guard lock{mutex_};
            auto& items = lanes_[static_cast<std::size_t>(lane)];
            if (closed_ || items.size() >= limit_) return false;
            items.push_back(std::move(item));
        }
        arrived_.notify_one();
        return true;
    }

    /// Waits for an item; nothing once closed and empty.
    std::optional<T> take() {
        std::unique_lock lock{mutex_};
        auto& [first, second] = lanes_;
        arrived_.wait(lock, [&] { return closed_ || !first.empty() || !second.empty(); });
        if (first.empty() && second.empty()) return std::nullopt;
        const bool turn_of_second = !second.empty() && (first.empty() || since_second_ == 3);
        since_second_ = turn_of_second ? 0 : std::min(since_second_ + 1, 3);
        auto& items = turn_of_second ? second : first;
        std::optional<T> item{std::move(items.front())};
        items.pop_front();
        return item;
    }

    void close() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        arrived_.notify_all();
    }

private:
    const std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    // guarded by mutex_
    std::array<std::deque<T>, 2> lanes_;
    int since_second_ = 0;  ///< items of the first
    bool closed_ = false;
};

}  // namespace vigil::verifier
