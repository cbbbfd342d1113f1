#include "node/rate_meter.hpp"

namespace vigil::node {
namespace {

constexpr RateMeter::Duration longest = std::chrono::minutes{15};
constexpr RateMeter::Duration piece_length = std::chrono::seconds{1};

}  // namespace

void RateMeter::add(std::uint64_t hashes, Duration hashing) {
    if (hashing <= Duration::zero()) return;
    if (pieces_.empty() || pieces_.back().hashing >= piece_length) pieces_.emplace_back();
    pieces_.back().hashes += hashes;
    pieces_.back().hashing += hashing;
    kept_ += hashing;
    while (kept_ - pieces_.front().hashing >= longest) {
        kept_ -= pieces_.front().hashing;
        pieces_.pop_front();
    }
}

double RateMeter::over(Duration span) const {
    double hashes = 0;
    Duration taken{};
    for (auto piece = pieces_.rbegin(); piece != pieces_.rend() && taken < span; ++piece) {
        hashes += static_cast<double>(piece->hashes);
        taken += piece->hashing;
    }
    const double seconds = std::chrono::duration<double>(taken).count();
    return seconds > 0 ? hashes / seconds : 0;
}

}  // namespace vigil::node
