#pragma once

#include <cstdint>

#include "core/crypto/keccak_iota.hpp"

/// Keccak-f[1600] of one message per lane of a vector: the rounds of the searchers on processors
/// and of pow_hashes. core's pow_hash defines the result.
///
/// Included by translation units that are compiled for different instruction sets. Everything here
/// that is compiled is therefore a template over a type of the including unit's unnamed namespace
/// and uses nothing of the library: two units never share a function that the linker could take
/// from the wrong one.
namespace vigil {

/// L is one 64-bit lane of one or several states: `L::all(u64)`, `rol<n>(L)`, `L ^ L`, `xor3(a, b,
/// c)` and `chi(a, b, c)` = a ^ (~b & c), found by argument-dependent lookup. `L::has_xor3`:
/// whether xor3 is one instruction.
template <class L>
struct KeccakLanes {
    L a[25];

    [[gnu::always_inline]] inline void theta_columns(L (&c)[5]) const {
        c[0] = xor3(xor3(a[0], a[5], a[10]), a[15], a[20]);
        c[1] = xor3(xor3(a[1], a[6], a[11]), a[16], a[21]);
        c[2] = xor3(xor3(a[2], a[7], a[12]), a[17], a[22]);
        c[3] = xor3(xor3(a[3], a[8], a[13]), a[18], a[23]);
        c[4] = xor3(xor3(a[4], a[9], a[14]), a[19], a[24]);
    }

    template <int y>
    [[gnu::always_inline]] inline void chi_row(const L& b0, const L& b1, const L& b2, const L& b3,
                                               const L& b4) {
        a[5 * y] = chi(b0, b1, b2);
        a[5 * y + 1] = chi(b1, b2, b3);
        a[5 * y + 2] = chi(b2, b3, b4);
        a[5 * y + 3] = chi(b3, b4, b0);
        a[5 * y + 4] = chi(b4, b0, b1);
    }

    /// A round but for the parities: `after_theta(lane, i)` makes lane i what theta makes of it.
    /// Each row takes its five lanes when it needs them, so that rotations and logic come evenly
    /// mixed to the ports.
    template <class AfterTheta>
    [[gnu::always_inline]] inline void rows(std::uint64_t constant, const AfterTheta& after_theta) {
        const KeccakLanes t = *this;
        const auto at = [&](int i) __attribute__((always_inline)) {
            return after_theta(t.a[i], i);
        };
        chi_row<0>(at(0), rol<44>(at(6)), rol<43>(at(12)), rol<21>(at(18)), rol<14>(at(24)));
        a[0] = a[0] ^ L::all(constant);
        chi_row<1>(rol<28>(at(3)), rol<20>(at(9)), rol<3>(at(10)), rol<45>(at(16)),
                   rol<61>(at(22)));
        chi_row<2>(rol<1>(at(1)), rol<6>(at(7)), rol<25>(at(13)), rol<8>(at(19)), rol<18>(at(20)));
        chi_row<3>(rol<27>(at(4)), rol<36>(at(5)), rol<10>(at(11)), rol<15>(at(17)),
                   rol<56>(at(23)));
        chi_row<4>(rol<62>(at(2)), rol<55>(at(8)), rol<39>(at(14)), rol<41>(at(15)),
                   rol<2>(at(21)));
    }

    /// Theta takes 25 exclusive ors of three operands where there is an instruction for them, else
    /// 5 and 25 of two.
    [[gnu::always_inline]] inline void round(std::uint64_t constant) {
        L c[5], d[5];
        theta_columns(c);
        if constexpr (L::has_xor3) {
            for (int x = 0; x < 5; ++x) d[x] = rol<1>(c[(x + 1) % 5]);
            rows(
                constant, [&](const L& lane, int i) __attribute__((always_inline)) {
                    return xor3(lane, c[(i + 4) % 5], d[i % 5]);
                });
        } else {
            for (int x = 0; x < 5; ++x) d[x] = c[(x + 4) % 5] ^ rol<1>(c[(x + 1) % 5]);
            rows(
                constant, [&](const L& lane, int i)
                              __attribute__((always_inline)) { return lane ^ d[i % 5]; });
        }
    }

    /// Lane 0 after round 23, without its round constant.
    [[gnu::always_inline]] inline L last_round() const {
        L c[5];
        theta_columns(c);
        return chi(xor3(a[0], c[4], rol<1>(c[1])), rol<44>(xor3(a[6], c[0], rol<1>(c[2]))),
                   rol<43>(xor3(a[12], c[1], rol<1>(c[3]))));
    }

    /// Lanes 0 to 3 after round 23: the hash.
    [[gnu::always_inline]] inline void last_round(L (&out)[4]) const {
        L c[5];
        theta_columns(c);
        const L b0 = xor3(a[0], c[4], rol<1>(c[1]));
        const L b1 = rol<44>(xor3(a[6], c[0], rol<1>(c[2])));
        const L b2 = rol<43>(xor3(a[12], c[1], rol<1>(c[3])));
        const L b3 = rol<21>(xor3(a[18], c[2], rol<1>(c[4])));
        const L b4 = rol<14>(xor3(a[24], c[3], rol<1>(c[0])));
        out[0] = chi(b0, b1, b2) ^ L::all(keccak_iota[23]);
        out[1] = chi(b1, b2, b3);
        out[2] = chi(b2, b3, b4);
        out[3] = chi(b3, b4, b0);
    }
};

}  // namespace vigil
