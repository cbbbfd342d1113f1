#pragma once

#include <cstdint>

namespace vigil {

/// A 64-bit lane as its even and its odd bits, as GPUs compute it: bit i of `even` is bit 2i of the
/// lane. C++17, for nvcc.
struct Interleaved {
    std::uint32_t even;
    std::uint32_t odd;
};

constexpr Interleaved interleaved(std::uint64_t x) {
    Interleaved out{0, 0};
    for (unsigned i = 0; i < 32; ++i) {
        out.even |= static_cast<std::uint32_t>(x >> (2 * i) & 1) << i;
        out.odd |= static_cast<std::uint32_t>(x >> (2 * i + 1) & 1) << i;
    }
    return out;
}

}  // namespace vigil
