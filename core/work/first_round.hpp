#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace vigil {

/// The lanes that pow_hash permutes for nonce 0: challenge and padding.
std::array<std::uint64_t, 25> block_of(const Challenge& challenge);

/// Theta, rho and pi of round 0 of pow_hash's permutation, for nonce 0: what all hashes of a
/// challenge share. Lane 7, the only one that holds the nonce (its bytes reversed), reaches 11 of
/// these 25 lanes, each as an exclusive or with a rotation of it.
std::array<std::uint64_t, 25> state_before_chi(const Challenge& challenge);

struct NonceTurn {
    unsigned lane{};
    unsigned left{};  ///< rotation of the nonce lane
};
inline constexpr std::array<NonceTurn, 11> nonce_turns{{{1, 45},
                                                        {3, 21},
                                                        {5, 28},
                                                        {8, 46},
                                                        {10, 2},
                                                        {11, 6},
                                                        {12, 25},
                                                        {17, 11},
                                                        {19, 56},
                                                        {21, 55},
                                                        {24, 3}}};

}  // namespace vigil
