#include <immintrin.h>

#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {
namespace {

struct Lane {
    __m512i v;

    static constexpr unsigned width = 8;
    static constexpr bool has_xor3 = true;
    static Lane all(std::uint64_t x) { return {_mm512_set1_epi64(static_cast<long long>(x))}; }
    static Lane load(const std::uint64_t* from) { return {_mm512_load_si512(from)}; }
    void store(std::uint64_t* to) const { _mm512_storeu_si512(to, v); }
    bool any_equal(std::uint64_t mask, std::uint64_t want) const {
        return _mm512_cmpeq_epi64_mask(_mm512_and_si512(v, all(mask).v), all(want).v) != 0;
    }
};

template <int n>
[[gnu::always_inline]] inline Lane rol(Lane a) {
    // The form with a mask: GCC warns of an uninitialised operand inside the plain one.
    return {_mm512_maskz_rol_epi64(0xFF, a.v, n)};
}
[[gnu::always_inline]] inline Lane operator^(Lane a, Lane b) {
    return {_mm512_xor_si512(a.v, b.v)};
}
[[gnu::always_inline]] inline Lane xor3(Lane a, Lane b, Lane c) {
    return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96)};
}
[[gnu::always_inline]] inline Lane chi(Lane a, Lane b, Lane c) {
    return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0xD2)};
}

}  // namespace

Scanned scan_avx512(const ScanTask& task, std::uint64_t* found) {
    return scan_lanes<Lane>(task, found);
}

}  // namespace vigil::node
