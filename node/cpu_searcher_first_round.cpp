#include "node/cpu_searcher_first_round.hpp"

#include "core/work/first_round.hpp"

namespace vigil::node {

FirstRound first_round_of(const Challenge& challenge) {
    FirstRound first;
    const auto constant = state_before_chi(challenge);
    for (std::size_t i = 0; i < 25; ++i) first.constant[i] = constant[i];
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
