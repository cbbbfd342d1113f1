#pragma once

#include <cstdint>

#include "core/crypto/keccak_iota.hpp"

/// Keccak-f[1600] of one 64-byte message per lane of a vector, for search only: the nonce is the
/// one part of the message that varies, and lane 0 the one part of the result that is wanted.
/// core's pow_hash defines the result.
///
/// Included by translation units that are compiled for different instruction sets. Everything here
/// that is compiled is therefore a template over a type of the including unit's unnamed namespace
/// or static, and uses nothing of the library: two units never share a function that the linker
/// could take from the wrong one.
namespace vigil::node {

/// Nonces are scanned in aligned blocks: within one, only the top byte of the nonce lane varies.
inline constexpr std::uint64_t block_nonces = 64;

/// What round 0 makes of a nonce where that is affine, so that the value for a nonce is the value
/// for its block xor what its place in the block changes. The nonce lane reaches 11 of 25 lanes
/// before chi, and only in row 2 are three of them neighbours: after chi, all lanes but 10 and 14
/// are affine.
struct AffinePart {
    std::uint64_t after_chi[25];  ///< and after iota; 0 for lanes 10 and 14
    std::uint64_t parity[5];      ///< of the columns of after_chi
    std::uint64_t before_chi[3];  ///< lanes 10 to 12, which make lanes 10 and 14
};

/// What the first round needs, once per challenge.
struct FirstRound {
    /// The members of AffinePart by place in the block: what the place changes.
    alignas(64) std::uint64_t after_chi[25][block_nonces];
    std::uint64_t parity[5][block_nonces];
    std::uint64_t before_chi[3][block_nonces];
    /// The state before chi with a zero nonce lane.
    std::uint64_t constant[25];
};

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

    /// Round 0 and the theta of round 1, for the nonces at `place` and after in a block.
    [[gnu::always_inline]] inline void first_round_and_theta(const FirstRound& first,
                                                             const AffinePart& block,
                                                             unsigned place) {
        const auto before_chi = [&](int i) __attribute__((always_inline)) {
            return L::load(&first.before_chi[i][place]) ^ L::all(block.before_chi[i]);
        };
        const L b10 = before_chi(0), b11 = before_chi(1), b12 = before_chi(2);
        const L a10 = chi(b10, b11, b12);
        const L a14 = chi(L::all(first.constant[14]), b10, b11);

        L c[5];
        for (int x = 0; x < 5; ++x)
            c[x] = L::load(&first.parity[x][place]) ^ L::all(block.parity[x]);
        c[0] = c[0] ^ a10;
        c[4] = c[4] ^ a14;
        L d[5];
        for (int x = 0; x < 5; ++x) d[x] = c[(x + 4) % 5] ^ rol<1>(c[(x + 1) % 5]);
#pragma GCC unroll 25
        for (int i = 0; i < 25; ++i)
            a[i] = xor3(L::load(&first.after_chi[i][place]), L::all(block.after_chi[i]), d[i % 5]);
        a[10] = a10 ^ d[0];
        a[14] = a14 ^ d[4];
    }

    /// Lane 0 after round 23, without its round constant.
    [[gnu::always_inline]] inline L last_round() const {
        L c[5];
        theta_columns(c);
        return chi(xor3(a[0], c[4], rol<1>(c[1])), rol<44>(xor3(a[6], c[0], rol<1>(c[2]))),
                   rol<43>(xor3(a[12], c[1], rol<1>(c[3]))));
    }

    /// Lane 0 of the hash state, without the last round constant.
    [[gnu::always_inline]] static inline L hash_lane(const FirstRound& first,
                                                     const AffinePart& block, unsigned place) {
        KeccakLanes s;
        s.first_round_and_theta(first, block, place);
        s.rows(
            keccak_iota[1], [](const L& lane, int) __attribute__((always_inline)) { return lane; });
#pragma GCC unroll 21
        for (int i = 2; i < 23; ++i) s.round(keccak_iota[i]);
        return s.last_round();
    }
};

static inline std::uint64_t rotated(std::uint64_t x, int n) {
    return n == 0 ? x : x << n | x >> (64 - n);
}

/// The state before chi of round 0 for a nonce lane, from that for a zero nonce lane.
static inline void add_nonce_lane(std::uint64_t (&s)[25], std::uint64_t nonce_lane) {
    constexpr int lanes[11] = {1, 3, 5, 8, 10, 11, 12, 17, 19, 21, 24};
    constexpr int turns[11] = {45, 21, 28, 46, 2, 6, 25, 11, 56, 55, 3};
    for (int i = 0; i < 11; ++i) s[lanes[i]] ^= rotated(nonce_lane, turns[i]);
}

/// The affine values of a state before chi of round 0.
static inline void affine_part(const std::uint64_t (&s)[25], AffinePart& out) {
    for (int y = 0; y < 25; y += 5) {
        for (int x = 0; x < 5; ++x)
            out.after_chi[y + x] = s[y + x] ^ (~s[y + (x + 1) % 5] & s[y + (x + 2) % 5]);
    }
    out.after_chi[0] ^= keccak_iota[0];
    out.after_chi[10] = 0;
    out.after_chi[14] = 0;
    for (int x = 0; x < 5; ++x) {
        out.parity[x] = 0;
        for (int y = 0; y < 25; y += 5) out.parity[x] ^= out.after_chi[y + x];
    }
    for (int i = 0; i < 3; ++i) out.before_chi[i] = s[10 + i];
}

/// The affine values of the nonce whose lane this is.
static inline void affine_part(const FirstRound& first, std::uint64_t nonce_lane, AffinePart& out) {
    std::uint64_t s[25];
    for (int i = 0; i < 25; ++i) s[i] = first.constant[i];
    add_nonce_lane(s, nonce_lane);
    affine_part(s, out);
}

}  // namespace vigil::node
