#pragma once

#include "core/crypto/keccak_iota.hpp"
#include "cuda/keccak_words.hpp"

namespace vigil::cuda {

/// What all hashes of a challenge share: the state of round 0 before chi with a zero nonce lane.
struct BeforeChi {
    std::uint64_t lanes[25];
};

/// The state, with one Keccak round as a function of its constant.
struct State {
    Lane a[25];

    template <int x>
    VIGIL_CUDA_BOTH Lane parity() const {
        return xor3(xor3(a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20]);
    }

    template <int x>
    VIGIL_CUDA_BOTH void theta_column(Lane left, Lane right) {
        const Lane turned = rol<1>(right);
        a[x] = xor3(a[x], left, turned);
        a[x + 5] = xor3(a[x + 5], left, turned);
        a[x + 10] = xor3(a[x + 10], left, turned);
        a[x + 15] = xor3(a[x + 15], left, turned);
        a[x + 20] = xor3(a[x + 20], left, turned);
    }

    template <int y>
    VIGIL_CUDA_BOTH void chi_row(Lane b0, Lane b1, Lane b2, Lane b3, Lane b4) {
        a[5 * y] = chi(b0, b1, b2);
        a[5 * y + 1] = chi(b1, b2, b3);
        a[5 * y + 2] = chi(b2, b3, b4);
        a[5 * y + 3] = chi(b3, b4, b0);
        a[5 * y + 4] = chi(b4, b0, b1);
    }

    VIGIL_CUDA_BOTH void round(std::uint64_t constant) {
        const Lane c0 = parity<0>(), c1 = parity<1>(), c2 = parity<2>(), c3 = parity<3>(),
                   c4 = parity<4>();
        theta_column<0>(c4, c1);
        theta_column<2>(c1, c3);
        theta_column<4>(c3, c0);
        theta_column<1>(c0, c2);
        theta_column<3>(c2, c4);
        const State t = *this;
        chi_row<0>(t.a[0], rol<44>(t.a[6]), rol<43>(t.a[12]), rol<21>(t.a[18]), rol<14>(t.a[24]));
        a[0] = a[0] ^ lane(constant);
        chi_row<1>(rol<28>(t.a[3]), rol<20>(t.a[9]), rol<3>(t.a[10]), rol<45>(t.a[16]),
                   rol<61>(t.a[22]));
        chi_row<2>(rol<1>(t.a[1]), rol<6>(t.a[7]), rol<25>(t.a[13]), rol<8>(t.a[19]),
                   rol<18>(t.a[20]));
        chi_row<3>(rol<27>(t.a[4]), rol<36>(t.a[5]), rol<10>(t.a[11]), rol<15>(t.a[17]),
                   rol<56>(t.a[23]));
        chi_row<4>(rol<62>(t.a[2]), rol<55>(t.a[8]), rol<39>(t.a[14]), rol<41>(t.a[15]),
                   rol<2>(t.a[21]));
    }

    /// Round 0: the nonce lane reaches 11 lanes, each as an exclusive or.
    VIGIL_CUDA_BOTH void first_round(const BeforeChi& k, Lane n) {
        const auto& b = k.lanes;
        chi_row<0>(lane(b[0]), lane(b[1]) ^ rol<45>(n), lane(b[2]), lane(b[3]) ^ rol<21>(n),
                   lane(b[4]));
        a[0] = a[0] ^ lane(1);
        chi_row<1>(lane(b[5]) ^ rol<28>(n), lane(b[6]), lane(b[7]), lane(b[8]) ^ rol<46>(n),
                   lane(b[9]));
        chi_row<2>(lane(b[10]) ^ rol<2>(n), lane(b[11]) ^ rol<6>(n), lane(b[12]) ^ rol<25>(n),
                   lane(b[13]), lane(b[14]));
        chi_row<3>(lane(b[15]), lane(b[16]), lane(b[17]) ^ rol<11>(n), lane(b[18]),
                   lane(b[19]) ^ rol<56>(n));
        chi_row<4>(lane(b[20]), lane(b[21]) ^ rol<55>(n), lane(b[22]), lane(b[23]),
                   lane(b[24]) ^ rol<3>(n));
    }

    template <int first>
    VIGIL_CUDA_BOTH void rounds_to_22() {
        constexpr std::uint64_t constant = keccak_iota[first];
        round(constant);
        if constexpr (first < 22) rounds_to_22<first + 1>();
    }

    /// Lane 0 after round 23, which is all a search looks at.
    VIGIL_CUDA_BOTH Lane last_round() const {
        const Lane c0 = parity<0>(), c1 = parity<1>(), c2 = parity<2>(), c3 = parity<3>(),
                   c4 = parity<4>();
        constexpr std::uint64_t last = keccak_iota[23];
        const Lane b0 = xor3(a[0], c4, rol<1>(c1));
        const Lane b1 = rol<44>(xor3(a[6], c0, rol<1>(c2)));
        const Lane b2 = rol<43>(xor3(a[12], c1, rol<1>(c3)));
        return chi(b0, b1, b2) ^ lane(last);
    }
};

/// Lane 0 of the hash of this nonce: its first 64 bits, the first byte lowest.
VIGIL_CUDA_BOTH Lane hash_lane(const BeforeChi& before_chi, std::uint64_t nonce) {
    const Lane n = lane(nonce);
    State s;
    s.first_round(before_chi, {byte_swapped(n.hi), byte_swapped(n.lo)});
    s.rounds_to_22<1>();
    return s.last_round();
}

}  // namespace vigil::cuda
