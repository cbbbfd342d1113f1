#include "verifier/write_limit.hpp"

#include <algorithm>

namespace vigil::verifier {

bool WriteLimit::take(std::int64_t tokens, Instant now) {
    // A clock that was set back refills from there on.
    if (!refilled_ || now < *refilled_) refilled_ = now;
    const std::int64_t seconds = (now - *refilled_) / std::chrono::seconds{1};
    if (seconds > 0) {
        const std::int64_t enough = rate_.burst / std::max<std::int64_t>(1, rate_.per_second) + 1;
        left_ = std::min(rate_.burst, left_ + std::min(seconds, enough) * rate_.per_second);
        refilled_ = now;
    }
    tokens = std::min(tokens, rate_.burst);
    if (left_ < tokens) return false;
    left_ -= tokens;
    return true;
}

}  // namespace vigil::verifier
