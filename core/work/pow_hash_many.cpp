#include "core/work/pow_hash_many.hpp"

#include "core/base/require.hpp"
#include "core/work/first_round.hpp"
#include "core/work/pow_hash.hpp"

namespace vigil {

void pow_hashes(const Challenge& challenge, std::span<const std::uint64_t> nonces,
                std::span<Hash> out) {
    require(nonces.size() == out.size(), "one hash for each nonce");
    static const bool avx512 = detail::has_avx512();
    static_assert(sizeof(Hash) == Hash::size, "hashes lie side by side");
    if (avx512 && !nonces.empty())
        return detail::pow_hashes_avx512(state_before_chi(challenge).data(), nonces.data(),
                                         out.front().bytes.data(), nonces.size());
    for (std::size_t i = 0; i < nonces.size(); ++i) out[i] = pow_hash(challenge, nonces[i]);
}

}  // namespace vigil
