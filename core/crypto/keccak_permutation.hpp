#pragma once

#include <cstdint>

#include "core/crypto/keccak_iota.hpp"

namespace vigil {

/// Keccak-f[1600] unrolled, over any lane type: one 64-bit word for the scalar path, a vector of
/// words for several states at once. `Ops` supplies `Lane`, `parity(a, b, c, d, e)` (the xor of
/// five), `mix(a, b)` (xor), `rotate<n>(a)` (left), `chi(a, b, c)` (a ^ (~b & c)) and
/// `constant(word)`.
///
/// Plain arrays and no std templates: this is instantiated in translation units compiled for newer
/// processors, and nothing they emit may be shared with the rest of the program. For the same
/// reason an `Ops` lives in an unnamed namespace.
template <class Ops>
inline void keccak_permute(typename Ops::Lane (&a)[25]) {
    using Lane = typename Ops::Lane;
    for (const std::uint64_t round_constant : keccak_iota) {
        const Lane c0 = Ops::parity(a[0], a[5], a[10], a[15], a[20]);
        const Lane c1 = Ops::parity(a[1], a[6], a[11], a[16], a[21]);
        const Lane c2 = Ops::parity(a[2], a[7], a[12], a[17], a[22]);
        const Lane c3 = Ops::parity(a[3], a[8], a[13], a[18], a[23]);
        const Lane c4 = Ops::parity(a[4], a[9], a[14], a[19], a[24]);
        const Lane d0 = Ops::mix(c4, Ops::template rotate<1>(c1));
        const Lane d1 = Ops::mix(c0, Ops::template rotate<1>(c2));
        const Lane d2 = Ops::mix(c1, Ops::template rotate<1>(c3));
        const Lane d3 = Ops::mix(c2, Ops::template rotate<1>(c4));
        const Lane d4 = Ops::mix(c3, Ops::template rotate<1>(c0));

        // rho and pi: b[y + 5·(2x + 3y)] = rotate(a[x + 5y] ^ d[x])
        const Lane b0 = Ops::mix(a[0], d0);
        const Lane b1 = Ops::template rotate<44>(Ops::mix(a[6], d1));
        const Lane b2 = Ops::template rotate<43>(Ops::mix(a[12], d2));
        const Lane b3 = Ops::template rotate<21>(Ops::mix(a[18], d3));
        const Lane b4 = Ops::template rotate<14>(Ops::mix(a[24], d4));
        const Lane b5 = Ops::template rotate<28>(Ops::mix(a[3], d3));
        const Lane b6 = Ops::template rotate<20>(Ops::mix(a[9], d4));
        const Lane b7 = Ops::template rotate<3>(Ops::mix(a[10], d0));
        const Lane b8 = Ops::template rotate<45>(Ops::mix(a[16], d1));
        const Lane b9 = Ops::template rotate<61>(Ops::mix(a[22], d2));
        const Lane b10 = Ops::template rotate<1>(Ops::mix(a[1], d1));
        const Lane b11 = Ops::template rotate<6>(Ops::mix(a[7], d2));
        const Lane b12 = Ops::template rotate<25>(Ops::mix(a[13], d3));
        const Lane b13 = Ops::template rotate<8>(Ops::mix(a[19], d4));
        const Lane b14 = Ops::template rotate<18>(Ops::mix(a[20], d0));
        const Lane b15 = Ops::template rotate<27>(Ops::mix(a[4], d4));
        const Lane b16 = Ops::template rotate<36>(Ops::mix(a[5], d0));
        const Lane b17 = Ops::template rotate<10>(Ops::mix(a[11], d1));
        const Lane b18 = Ops::template rotate<15>(Ops::mix(a[17], d2));
        const Lane b19 = Ops::template rotate<56>(Ops::mix(a[23], d3));
        const Lane b20 = Ops::template rotate<62>(Ops::mix(a[2], d2));
        const Lane b21 = Ops::template rotate<55>(Ops::mix(a[8], d3));
        const Lane b22 = Ops::template rotate<39>(Ops::mix(a[14], d4));
        const Lane b23 = Ops::template rotate<41>(Ops::mix(a[15], d0));
        const Lane b24 = Ops::template rotate<2>(Ops::mix(a[21], d1));

        a[0] = Ops::mix(Ops::chi(b0, b1, b2), Ops::constant(round_constant));
        a[1] = Ops::chi(b1, b2, b3);
        a[2] = Ops::chi(b2, b3, b4);
        a[3] = Ops::chi(b3, b4, b0);
        a[4] = Ops::chi(b4, b0, b1);
        a[5] = Ops::chi(b5, b6, b7);
        a[6] = Ops::chi(b6, b7, b8);
        a[7] = Ops::chi(b7, b8, b9);
        a[8] = Ops::chi(b8, b9, b5);
        a[9] = Ops::chi(b9, b5, b6);
        a[10] = Ops::chi(b10, b11, b12);
        a[11] = Ops::chi(b11, b12, b13);
        a[12] = Ops::chi(b12, b13, b14);
        a[13] = Ops::chi(b13, b14, b10);
        a[14] = Ops::chi(b14, b10, b11);
        a[15] = Ops::chi(b15, b16, b17);
        a[16] = Ops::chi(b16, b17, b18);
        a[17] = Ops::chi(b17, b18, b19);
        a[18] = Ops::chi(b18, b19, b15);
        a[19] = Ops::chi(b19, b15, b16);
        a[20] = Ops::chi(b20, b21, b22);
        a[21] = Ops::chi(b21, b22, b23);
        a[22] = Ops::chi(b22, b23, b24);
        a[23] = Ops::chi(b23, b24, b20);
        a[24] = Ops::chi(b24, b20, b21);
    }
}

}  // namespace vigil
