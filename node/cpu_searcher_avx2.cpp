#include <immintrin.h>

#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {
namespace {

struct Lane {
    __m256i v;

    static constexpr unsigned width = 4;
    static constexpr bool has_xor3 = false;
    static Lane all(std::uint64_t x) { return {_mm256_set1_epi64x(static_cast<long long>(x))}; }
    static Lane load(const std::uint64_t* from) {
        return {_mm256_load_si256(reinterpret_cast<const __m256i*>(from))};
    }
    void store(std::uint64_t* to) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }
    bool any_equal(std::uint64_t mask, std::uint64_t want) const {
        return _mm256_movemask_epi8(
                   _mm256_cmpeq_epi64(_mm256_and_si256(v, all(mask).v), all(want).v)) != 0;
    }
};

template <int n>
[[gnu::always_inline]] inline Lane rol(Lane a) {
    // Whole bytes by a shuffle: one instruction instead of three.
    if constexpr (n == 8) {
        return {_mm256_shuffle_epi8(
            a.v, _mm256_set_epi8(14, 13, 12, 11, 10, 9, 8, 15, 6, 5, 4, 3, 2, 1, 0, 7, 14, 13, 12,
                                 11, 10, 9, 8, 15, 6, 5, 4, 3, 2, 1, 0, 7))};
    } else if constexpr (n == 56) {
        return {_mm256_shuffle_epi8(
            a.v, _mm256_set_epi8(8, 15, 14, 13, 12, 11, 10, 9, 0, 7, 6, 5, 4, 3, 2, 1, 8, 15, 14,
                                 13, 12, 11, 10, 9, 0, 7, 6, 5, 4, 3, 2, 1))};
    } else {
        return {_mm256_or_si256(_mm256_slli_epi64(a.v, n), _mm256_srli_epi64(a.v, 64 - n))};
    }
}
[[gnu::always_inline]] inline Lane operator^(Lane a, Lane b) {
    return {_mm256_xor_si256(a.v, b.v)};
}
[[gnu::always_inline]] inline Lane xor3(Lane a, Lane b, Lane c) { return a ^ b ^ c; }
[[gnu::always_inline]] inline Lane chi(Lane a, Lane b, Lane c) {
    return {_mm256_xor_si256(a.v, _mm256_andnot_si256(b.v, c.v))};
}

}  // namespace

Scanned scan_avx2(const ScanTask& task, std::uint64_t* found) {
    return scan_lanes<Lane>(task, found);
}

}  // namespace vigil::node
