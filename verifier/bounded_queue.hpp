#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace vigil::verifier {

/// A queue between threads that never holds more than `limit` items, of each lane where `Items` has
/// several (TwoLanes). Once closed it takes nothing more and gives out what it holds.
template <class T, class Items = std::deque<T>>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t limit) : limit_{limit} {}

    /// False, and `item` untouched, when full or closed. Never waits.
    bool offer(T& item) { return offer_to(items_, item); }
    template <class Lane>
    bool offer(Lane lane, T& item) {
        return offer_to(items_[lane], item);
    }

    /// Waits for room. Only for the stages inside: they finish before the queue is closed.
    void put(T item) {
        {
            std::unique_lock lock{mutex_};
            left_.wait(lock, [&] { return items_.size() < limit_; });
            items_.push_back(std::move(item));
        }
        arrived_.notify_one();
    }

    /// Waits for an item; nothing once closed and empty.
    std::optional<T> take() {
        std::optional<T> item;
        {
            std::unique_lock lock{mutex_};
            arrived_.wait(lock, [&] { return closed_ || !items_.empty(); });
            if (items_.empty()) return std::nullopt;
            item.emplace(std::move(items_.front()));
            items_.pop_front();
        }
        left_.notify_one();
        return item;
    }

    /// Waits for an item, then takes what is there, at most `most`; empty once closed and empty.
    std::vector<T> take_some(std::size_t most) {
        std::vector<T> taken;
        {
            std::unique_lock lock{mutex_};
            arrived_.wait(lock, [&] { return closed_ || !items_.empty(); });
            while (!items_.empty() && taken.size() < most) {
                taken.push_back(std::move(items_.front()));
                items_.pop_front();
            }
        }
        left_.notify_all();
        return taken;
    }

    std::size_t size() const {
        const std::lock_guard lock{mutex_};
        return items_.size();
    }

    void close() {
        {
            const std::lock_guard lock{mutex_};
            closed_ = true;
        }
        arrived_.notify_all();
    }

private:
    bool offer_to(std::deque<T>& line, T& item) {
        {
            const std::lock_guard lock{mutex_};
            if (closed_ || line.size() >= limit_) return false;
            line.push_back(std::move(item));
        }
        arrived_.notify_one();
        return true;
    }

    const std::size_t limit_;
    mutable std::mutex mutex_;
    std::condition_variable arrived_, left_;
    // guarded by mutex_
    Items items_;
    bool closed_ = false;
};

}  // namespace vigil::verifier
