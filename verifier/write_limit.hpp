#pragma once

#include <cstdint>
#include <optional>

#include "core/base/instant.hpp"

namespace vigil::verifier {

struct WriteRate {
    std::int64_t per_second = 100;
    std::int64_t burst = 2'000;
};

/// A bucket of tokens, one for each device written about; full at first. Not thread-safe.
class WriteLimit {
public:
    explicit WriteLimit(WriteRate rate) : rate_{rate}, left_{rate.burst} {}

    /// Takes that many, or none and says no. More than the bucket holds is the whole bucket.
    bool take(std::int64_t tokens, Instant now);

private:
    const WriteRate rate_;
    std::int64_t left_;
    std::optional<Instant> refilled_;
};

}  // namespace vigil::verifier
