#include "node/cpu_searcher_first_round.hpp"

#include <bit>

namespace vigil::node {
namespace {

/// Theta, rho and pi of the padded message with a zero nonce lane.
void state_before_chi(const Challenge& challenge, std::uint64_t (&out)[25]) {
    static_assert(std::endian::native == std::endian::little,
                  "lanes are read from bytes as they lie");
    std::uint64_t a[25] = {};
    std::memcpy(a, challenge.bytes.data(), challenge.size);
    a[8] = 1;
    a[16] = std::uint64_t{1} << 63;

    std::uint64_t parity[5];
    for (int x = 0; x < 5; ++x) parity[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (int i = 0; i < 25; ++i) a[i] ^= parity[(i + 4) % 5] ^ std::rotl(parity[(i + 1) % 5], 1);

    constexpr int turns[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                               25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
    for (int y = 0; y < 5; ++y) {
        for (int x = 0; x < 5; ++x)
            out[y + 5 * ((2 * x + 3 * y) % 5)] = std::rotl(a[x + 5 * y], turns[x + 5 * y]);
    }
}

}  // namespace

FirstRound first_round_of(const Challenge& challenge) {
    FirstRound first;
    state_before_chi(challenge, first.constant);
    std::uint64_t zero[25];
    affine_chi(first.constant, zero);
    for (std::uint64_t place = 0; place < block_nonces; ++place) {
        std::uint64_t s[25];
        std::uint64_t chi[25];
        for (int i = 0; i < 25; ++i) s[i] = first.constant[i];
        add_nonce_lane(s, __builtin_bswap64(place));
        affine_chi(s, chi);
        for (int i = 0; i < 25; ++i) first.place[i][place] = chi[i] ^ zero[i];
    }
    return first;
}

}  // namespace vigil::node
