#pragma once

#include <cstdint>

#include "core/crypto/keccak_lanes.hpp"

/// The permutation as a search wants it: the nonce is the one part of the message that varies, and
/// lane 0 the one part of the result that is compared. core's pow_hash defines the result. As in
/// keccak_lanes.hpp, all that is compiled here is a template over the including unit's own type, or
/// static.
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

/// KeccakLanes from the tables of a challenge on. L adds `load(const u64*)`, aligned.
template <class L>
struct SearchLanes : KeccakLanes<L> {
    using KeccakLanes<L>::a;

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

    /// Lane 0 of the hash state, without the last round constant.
    [[gnu::always_inline]] static inline L hash_lane(const FirstRound& first,
                                                     const AffinePart& block, unsigned place) {
        SearchLanes s;
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
