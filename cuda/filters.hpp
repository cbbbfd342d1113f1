#pragma once

#include "cuda/interleaved_words.hpp"

namespace vigil::cuda {

/// The bits of lane 0 that are clear in every hash whose first 64 bits are at or below the
/// threshold, as far as they are among the first `most` bits of the hash.
inline std::uint64_t clear_bits(std::uint64_t threshold64, unsigned most) {
    unsigned zeros = 0;
    while (zeros < most && (threshold64 >> (63 - zeros) & 1) == 0) ++zeros;
    const std::uint64_t leading = zeros == 0 ? 0 : ~std::uint64_t{0} << (64 - zeros);
    return __builtin_bswap64(leading);
}

/// For kernels that look at the lower word of lane 0.
inline std::uint32_t lower_word_filter(std::uint64_t threshold64) {
    return static_cast<std::uint32_t>(clear_bits(threshold64, 16));
}

/// For kernels that look at its even bits, of which the first 32 have 16.
inline std::uint32_t even_bits_filter(std::uint64_t threshold64) {
    return interleaved(clear_bits(threshold64, 32)).even;
}

}  // namespace vigil::cuda
