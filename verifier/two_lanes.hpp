#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>

namespace vigil::verifier {

/// What a BoundedQueue of two lanes holds: neither fills the other. While both hold something, the
/// second gets every fourth turn: it slows the first down by no more, and is never left to wait for
/// ever.
template <class T>
class TwoLanes {
public:
    enum class Lane : std::size_t { first, second };

    std::deque<T>& operator[](Lane lane) { return lanes_[static_cast<std::size_t>(lane)]; }
    bool empty() const { return lanes_[0].empty() && lanes_[1].empty(); }

    /// Whose turn it is; of lanes that are not empty.
    T& front() { return (turn_of_second() ? lanes_[1] : lanes_[0]).front(); }
    void pop_front() {
        const bool second = turn_of_second();
        since_second_ = second ? 0 : std::min(since_second_ + 1, 3);
        lanes_[second ? 1 : 0].pop_front();
    }

private:
    bool turn_of_second() const {
        return !lanes_[1].empty() && (lanes_[0].empty() || since_second_ == 3);
    }

    std::array<std::deque<T>, 2> lanes_;
    int since_second_ = 0;  ///< items of the first
};

}  // namespace vigil::verifier
