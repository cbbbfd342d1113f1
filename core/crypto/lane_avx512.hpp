#pragma once

#include <cstdint>
#include <immintrin.h>

namespace vigil {
// Unnamed, so that no other unit, with other instructions, can get what this one made of
// KeccakLanes (keccak_lanes.hpp).
namespace {

/// The same lane of eight Keccak states, for KeccakLanes. Only for files compiled with -mavx512f.
struct LaneAvx512 {
    __m512i v;

    static constexpr unsigned width = 8;
    static constexpr bool has_xor3 = true;
    static LaneAvx512 all(std::uint64_t x) {
        return {_mm512_set1_epi64(static_cast<long long>(x))};
    }
    /// 64 bytes, aligned to 64.
    static LaneAvx512 load(const std::uint64_t* from) { return {_mm512_load_si512(from)}; }
    void store(std::uint64_t* to) const { _mm512_storeu_si512(to, v); }
    bool any_equal(std::uint64_t mask, std::uint64_t want) const {
        return _mm512_cmpeq_epi64_mask(_mm512_and_si512(v, all(mask).v), all(want).v) != 0;
    }
};

template <int n>
[[gnu::always_inline]] inline LaneAvx512 rol(LaneAvx512 a) {
    // The form with a mask: GCC warns of an uninitialised operand inside the plain one.
    return {_mm512_maskz_rol_epi64(0xFF, a.v, n)};
}
[[gnu::always_inline]] inline LaneAvx512 operator^(LaneAvx512 a, LaneAvx512 b) {
    return {_mm512_xor_si512(a.v, b.v)};
}
[[gnu::always_inline]] inline LaneAvx512 xor3(LaneAvx512 a, LaneAvx512 b, LaneAvx512 c) {
    return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0x96)};
}
[[gnu::always_inline]] inline LaneAvx512 chi(LaneAvx512 a, LaneAvx512 b, LaneAvx512 c) {
    return {_mm512_ternarylogic_epi64(a.v, b.v, c.v, 0xD2)};
}

}  // namespace
}  // namespace vigil
