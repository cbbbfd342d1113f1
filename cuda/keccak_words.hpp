#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define VIGIL_CUDA_BOTH __host__ __device__ __forceinline__
#else
#define VIGIL_CUDA_BOTH inline
#endif

/// Keccak lanes as pairs of 32-bit words, the size a GPU computes in. Compiles for the GPU and, so
/// that its arithmetic is tested without one, as plain C++.
namespace vigil::cuda {

struct Lane {
    std::uint32_t lo;
    std::uint32_t hi;
};

VIGIL_CUDA_BOTH Lane lane(std::uint64_t x) {
    return {static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(x >> 32)};
}

/// The upper word of hi:lo shifted left by n, 1 to 31.
VIGIL_CUDA_BOTH std::uint32_t funnel_left(std::uint32_t lo, std::uint32_t hi, unsigned n) {
#if defined(__CUDA_ARCH__)
    return __funnelshift_l(lo, hi, n);
#else
    return hi << n | lo >> (32 - n);
#endif
}

VIGIL_CUDA_BOTH std::uint32_t byte_swapped(std::uint32_t x) {
#if defined(__CUDA_ARCH__)
    return __byte_perm(x, 0, 0x0123);
#else
    return __builtin_bswap32(x);
#endif
}

template <unsigned n>
VIGIL_CUDA_BOTH Lane rol(Lane x) {
    static_assert(n >= 1 && n <= 63 && n != 32);
    if constexpr (n < 32) return {funnel_left(x.hi, x.lo, n), funnel_left(x.lo, x.hi, n)};
    return {funnel_left(x.lo, x.hi, n % 32), funnel_left(x.hi, x.lo, n % 32)};
}

VIGIL_CUDA_BOTH Lane operator^(Lane a, Lane b) { return {a.lo ^ b.lo, a.hi ^ b.hi}; }
VIGIL_CUDA_BOTH Lane xor3(Lane a, Lane b, Lane c) {
    return {a.lo ^ b.lo ^ c.lo, a.hi ^ b.hi ^ c.hi};
}
VIGIL_CUDA_BOTH Lane chi(Lane a, Lane b, Lane c) {
    return {a.lo ^ (~b.lo & c.lo), a.hi ^ (~b.hi & c.hi)};
}

}  // namespace vigil::cuda
