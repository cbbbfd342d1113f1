#include "core/work/first_round.hpp"

#include <bit>

namespace vigil {

std::array<std::uint64_t, 25> block_of(const Challenge& challenge) {
    std::array<std::uint64_t, 25> a{};
    for (std::size_t i = 0; i < challenge.size; ++i)
        a[i / 8] |= std::uint64_t{challenge.bytes[i]} << (i % 8 * 8);
    a[8] = 1;
    a[16] = std::uint64_t{1} << 63;
    return a;
}

std::array<std::uint64_t, 25> state_before_chi(const Challenge& challenge) {
    std::array<std::uint64_t, 25> a = block_of(challenge);

    std::array<std::uint64_t, 5> parity{};
    for (std::size_t i = 0; i < 25; ++i) parity[i % 5] ^= a[i];
    for (std::size_t i = 0; i < 25; ++i)
        a[i] ^= parity[(i + 4) % 5] ^ std::rotl(parity[(i + 1) % 5], 1);

    constexpr std::array<int, 25> turns{0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                        25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
    std::array<std::uint64_t, 25> out{};
    for (std::size_t y = 0; y < 5; ++y) {
        for (std::size_t x = 0; x < 5; ++x)
            out[y + 5 * ((2 * x + 3 * y) % 5)] = std::rotl(a[x + 5 * y], turns[x + 5 * y]);
    }
    return out;
}

}  // namespace vigil
