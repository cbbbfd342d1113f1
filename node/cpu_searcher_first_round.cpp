#include "node/cpu_searcher_first_round.hpp"

#include "core/work/first_round.hpp"

namespace vigil::node {

FirstRound first_round_of(const Challenge& challenge) {
    FirstRound first;
    const auto constant = state_before_chi(challenge);
    for (std::size_t i = 0; i < 25; ++i) first.constant[i] = constant[i];
    AffinePart zero;
    affine_part(first, 0, zero);
    for (std::uint64_t place = 0; place < block_nonces; ++place) {
        AffinePart part;
        affine_part(first, __builtin_bswap64(place), part);
        for (int i = 0; i < 25; ++i)
            first.after_chi[i][place] = part.after_chi[i] ^ zero.after_chi[i];
        for (int i = 0; i < 5; ++i) first.parity[i][place] = part.parity[i] ^ zero.parity[i];
        for (int i = 0; i < 3; ++i)
            first.before_chi[i][place] = part.before_chi[i] ^ zero.before_chi[i];
    }
    return first;
}

}  // namespace vigil::node
