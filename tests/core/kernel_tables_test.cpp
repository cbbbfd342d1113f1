#include <gtest/gtest.h>

#include "core/crypto/keccak_iota.hpp"
#include "core/work/first_round.hpp"

// The tables that kernels are written with, made again from Keccak's definition (FIPS 202, 3.2) by
// the compiler and compared: a wrong one does not build.
namespace vigil {
namespace {

/// Bit t of the linear feedback shift register x^8 + x^6 + x^5 + x^4 + 1.
constexpr bool rc(int t) {
    unsigned r = 1;
    for (int i = 0; i < t % 255; ++i) {
        r <<= 1;
        if (r & 0x100U) r ^= 0x171U;
    }
    return r & 1U;
}

constexpr bool iota_is_as_defined() {
    for (int round = 0; round < 24; ++round) {
        std::uint64_t constant = 0;
        for (int j = 0; j <= 6; ++j)
            if (rc(j + 7 * round)) constant |= std::uint64_t{1} << ((1 << j) - 1);
        if (constant != keccak_iota[round]) return false;
    }
    return true;
}
static_assert(iota_is_as_defined());

struct Turned {
    unsigned to, left;
};

/// Where rho and pi take lane x + 5y, and how far they turn it.
constexpr Turned rho_and_pi(unsigned lane) {
    unsigned left = 0;
    for (unsigned t = 0, x = 1, y = 0; t < 24; ++t) {
        if (x + 5 * y == lane) left = (t + 1) * (t + 2) / 2 % 64;
        const unsigned next = (2 * x + 3 * y) % 5;
        x = y;
        y = next;
    }
    const unsigned x = lane % 5, y = lane / 5;
    return {y + 5 * ((2 * x + 3 * y) % 5), left};
}

/// Theta takes lane 7 to itself, to column 3 as it is and to column 1 turned by one.
constexpr bool nonce_turns_are_as_defined() {
    unsigned reached = 0;
    for (unsigned lane = 0; lane < 25; ++lane) {
        if (lane != 7 && lane % 5 != 3 && lane % 5 != 1) continue;
        const Turned end = rho_and_pi(lane);
        const unsigned left = (end.left + (lane % 5 == 1 ? 1U : 0U)) % 64;
        bool listed = false;
        for (const NonceTurn& turn : nonce_turns)
            listed = listed || (turn.lane == end.to && turn.left == left);
        if (!listed) return false;
        ++reached;
    }
    return reached == nonce_turns.size();
}
static_assert(nonce_turns_are_as_defined());

/// The table in first_round.cpp, seen in what it does to every bit of the challenge.
TEST(KernelTables, StateBeforeChiFollowsFromTheDefinition) {
    for (unsigned bit = 0; bit < 256; ++bit) {
        Challenge zero, one;
        one.bytes[bit / 8] = static_cast<std::uint8_t>(1U << bit % 8);
        const auto before = state_before_chi(zero), after = state_before_chi(one);
        std::array<std::uint64_t, 25> expected{};
        const unsigned moved = bit / 64, column = moved % 5;
        for (unsigned lane = 0; lane < 25; ++lane) {
            const unsigned by_next = (column + 1) % 5, by_last = (column + 4) % 5;
            if (lane != moved && lane % 5 != by_next && lane % 5 != by_last) continue;
            const Turned end = rho_and_pi(lane);
            const unsigned left = end.left + (lane != moved && lane % 5 == by_last ? 1U : 0U);
            expected[end.to] ^= std::uint64_t{1} << (bit + left) % 64;
        }
        for (std::size_t lane = 0; lane < 25; ++lane)
            ASSERT_EQ(before[lane] ^ after[lane], expected[lane]) << "bit " << bit;
    }
}

}  // namespace
}  // namespace vigil
