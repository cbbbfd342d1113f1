#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace vigil::node {

/// Mean hash rates of one device over the latest time that it hashed: between checks it rests, and
/// resting says nothing of how fast it is. Keeps 15 minutes of hashing.
class RateMeter {
public:
    using Duration = std::chrono::steady_clock::duration;

    void add(std::uint64_t hashes, Duration hashing);
    /// Hashes per second over the latest `span` of hashing, whole seconds of it; over all there is
    /// where there is less, 0 before the first.
    double over(Duration span) const;

private:
    struct Piece {
        std::uint64_t hashes{};
        Duration hashing{};  ///< a second or more, but for the newest
    };
    std::deque<Piece> pieces_;  ///< ascending in time
    Duration kept_{};
};

}  // namespace vigil::node
