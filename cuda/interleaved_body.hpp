#pragma once

#include "core/crypto/keccak_iota.hpp"
#include "cuda/interleaved_words.hpp"

namespace vigil::cuda {

/// Round 0, and theta of round 1, as far as they are affine in the nonce lane: 22 of the 25 lanes
/// after round 0 are, since chi multiplies neighbours and the nonce reaches neighbours in one row
/// only. Sums of such words are the words of the sum of nonce lanes, so a nonce's words are put
/// together from those of its parts.
struct AffineWords {
    static constexpr int lane_count = 22;
    static constexpr int size = 2 * (lane_count + 3 + 5);  ///< in 32-bit words

    Interleaved lanes[lane_count];  ///< after round 0: all but 10, 11 and 14, in order
    Interleaved before_chi[3];      ///< lanes 10, 11 and 12 before chi of round 0
    Interleaved parities[5];        ///< of `lanes`, by column
};
static_assert(sizeof(AffineWords) == AffineWords::size * sizeof(std::uint32_t));

template <int round>
struct RoundConstant {
    static constexpr Interleaved value = interleaved(keccak_iota[round]);
};

/// The state between rounds. `Turns` says which pipe a rotation goes to.
template <class Turns>
struct InterleavedState {
    Interleaved a[25];
    Turns turns;

    template <unsigned n, unsigned place>
    VIGIL_CUDA_BOTH std::uint32_t turned(std::uint32_t x) const {
        if constexpr (n % 32 == 0) {
            return x;
        } else {
            return turns.template turned<n % 32, place>(x);
        }
    }

    template <unsigned n, unsigned place>
    VIGIL_CUDA_BOTH Interleaved rol(Interleaved x) const {
        if constexpr (n % 2 == 0) {
            return {turned<n / 2, 2 * place>(x.even), turned<n / 2, 2 * place + 1>(x.odd)};
        } else {
            return {turned<n / 2 + 1, 2 * place>(x.odd), turned<n / 2, 2 * place + 1>(x.even)};
        }
    }

    template <int x>
    VIGIL_CUDA_BOTH Interleaved parity() const {
        return xor3(xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
    }

    template <int x, unsigned place>
    VIGIL_CUDA_BOTH void theta_column(Interleaved left, Interleaved right) {
        const Interleaved next = rol<1, place>(right);
        a[x] = xor3(a[x], left, next);
        a[x + 5] = xor3(a[x + 5], left, next);
        a[x + 10] = xor3(a[x + 10], left, next);
        a[x + 15] = xor3(a[x + 15], left, next);
        a[x + 20] = xor3(a[x + 20], left, next);
    }

    template <int y>
    VIGIL_CUDA_BOTH void chi_row(Interleaved b0, Interleaved b1, Interleaved b2, Interleaved b3,
                                 Interleaved b4) {
        a[5 * y] = chi(b0, b1, b2);
        a[5 * y + 1] = chi(b1, b2, b3);
        a[5 * y + 2] = chi(b2, b3, b4);
        a[5 * y + 3] = chi(b3, b4, b0);
        a[5 * y + 4] = chi(b4, b0, b1);
    }

    /// Rho, pi, chi and iota.
    template <int round>
    VIGIL_CUDA_BOTH void after_theta() {
        constexpr unsigned p = 29 * round + 5;
        Interleaved t[25];
        for (int i = 0; i < 25; ++i) t[i] = a[i];
        chi_row<0>(t[0], rol<44, p>(t[6]), rol<43, p + 1>(t[12]), rol<21, p + 2>(t[18]),
                   rol<14, p + 3>(t[24]));
        a[0] = a[0] ^
               Interleaved { RoundConstant<round>::value.even, RoundConstant<round>::value.odd };
        chi_row<1>(rol<28, p + 4>(t[3]), rol<20, p + 5>(t[9]), rol<3, p + 6>(t[10]),
                   rol<45, p + 7>(t[16]), rol<61, p + 8>(t[22]));
        chi_row<2>(rol<1, p + 9>(t[1]), rol<6, p + 10>(t[7]), rol<25, p + 11>(t[13]),
                   rol<8, p + 12>(t[19]), rol<18, p + 13>(t[20]));
        chi_row<3>(rol<27, p + 14>(t[4]), rol<36, p + 15>(t[5]), rol<10, p + 16>(t[11]),
                   rol<15, p + 17>(t[17]), rol<56, p + 18>(t[23]));
        chi_row<4>(rol<62, p + 19>(t[2]), rol<55, p + 20>(t[8]), rol<39, p + 21>(t[14]),
                   rol<41, p + 22>(t[15]), rol<2, p + 23>(t[21]));
    }

    template <int round>
    VIGIL_CUDA_BOTH void whole_round() {
        constexpr unsigned p = 29 * round;
        const Interleaved c0 = parity<0>(), c1 = parity<1>(), c2 = parity<2>(), c3 = parity<3>(),
                          c4 = parity<4>();
        theta_column<0, p>(c4, c1);
        theta_column<2, p + 1>(c1, c3);
        theta_column<4, p + 2>(c3, c0);
        theta_column<1, p + 3>(c0, c2);
        theta_column<3, p + 4>(c2, c4);
        after_theta<round>();
    }

    /// Rounds 0 and 1 of the nonce whose words are thread ^ iteration. Lanes 13 and 14 before chi
    /// of round 0 are the same for all nonces of a challenge.
    VIGIL_CUDA_BOTH void first_rounds(const AffineWords& thread, const AffineWords& iteration,
                                      Interleaved b13, Interleaved b14) {
        const Interleaved b10 = thread.before_chi[0] ^ iteration.before_chi[0],
                          b11 = thread.before_chi[1] ^ iteration.before_chi[1],
                          b12 = thread.before_chi[2] ^ iteration.before_chi[2];
        const Interleaved a10 = chi(b10, b11, b12), a11 = chi(b11, b12, b13),
                          a14 = chi(b14, b10, b11);
        const Interleaved c0 = xor3(thread.parities[0], iteration.parities[0], a10),
                          c1 = xor3(thread.parities[1], iteration.parities[1], a11),
                          c2 = thread.parities[2] ^ iteration.parities[2],
                          c3 = thread.parities[3] ^ iteration.parities[3],
                          c4 = xor3(thread.parities[4], iteration.parities[4], a14);
        const Interleaved d[5] = {c4 ^ rol<1, 0>(c1), c0 ^ rol<1, 1>(c2), c1 ^ rol<1, 2>(c3),
                                  c2 ^ rol<1, 3>(c4), c3 ^ rol<1, 4>(c0)};
        int affine = 0;
#if defined(__CUDACC__)
#pragma unroll
#endif
        for (int i = 0; i < 25; ++i) {
            if (i == 10) {
                a[i] = a10 ^ d[0];
            } else if (i == 11) {
                a[i] = a11 ^ d[1];
            } else if (i == 14) {
                a[i] = a14 ^ d[4];
            } else {
                a[i] = xor3(thread.lanes[affine], iteration.lanes[affine], d[i % 5]);
                ++affine;
            }
        }
        after_theta<1>();
    }

    template <int round>
    VIGIL_CUDA_BOTH void rounds_to_22() {
        whole_round<round>();
        if constexpr (round < 22) rounds_to_22<round + 1>();
    }

    /// The even bits of lane 0 after round 23. The odd ones are not computed, nor what leads only
    /// to them.
    VIGIL_CUDA_BOTH std::uint32_t last_round() const {
        constexpr unsigned p = 29 * 23;
        const Interleaved c0 = parity<0>(), c1 = parity<1>(), c2 = parity<2>(), c3 = parity<3>(),
                          c4 = parity<4>();
        const Interleaved b0 = xor3(a[0], c4, rol<1, p>(c1));
        const Interleaved b1 = rol<44, p + 1>(xor3(a[6], c0, rol<1, p + 2>(c2)));
        const Interleaved b2 = rol<43, p + 3>(xor3(a[12], c1, rol<1, p + 4>(c3)));
        return chi(b0, b1, b2).even ^ RoundConstant<23>::value.even;
    }
};

/// Every second bit of the first 64 of a hash: the even bits of lane 0. Bit i is bit 2i of the
/// lane.
template <class Turns>
VIGIL_CUDA_BOTH std::uint32_t even_bits(const AffineWords& thread, const AffineWords& iteration,
                                        Interleaved b13, Interleaved b14, Turns turns) {
    InterleavedState<Turns> state{{}, turns};
    state.first_rounds(thread, iteration, b13, b14);
    state.template rounds_to_22<2>();
    return state.last_round();
}

}  // namespace vigil::cuda
