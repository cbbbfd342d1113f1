#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/instant.hpp"
#include "proto/edge/files.hpp"

namespace vigil::verifier {

/// Between nothing and `spread`, evenly: so that what happened to many at once does not bring them
/// back at once.
inline Milliseconds random_within(Milliseconds spread) {
    std::array<std::uint8_t, 2> drawn{};
    edge::random_bytes(drawn);
    return spread * (drawn[0] << 8 | drawn[1]) / 65'536;
}

/// One of 0 … n−1, evenly as far as 16 bits go; n at most 65,536.
inline std::size_t random_below(std::size_t n) {
    std::array<std::uint8_t, 2> drawn{};
    edge::random_bytes(drawn);
    return n * static_cast<std::size_t>(drawn[0] << 8 | drawn[1]) / 65'536;
}

/// A time to come back after: from `shortest` to three times as long.
inline Milliseconds jittered(Milliseconds shortest) {
    return shortest + random_within(2 * shortest);
}

}  // namespace vigil::verifier
