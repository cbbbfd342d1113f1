#include "core/work/pow_hash_many.hpp"

#include <algorithm>
#include <array>

#include "core/base/require.hpp"
#include "core/work/pow_hash.hpp"

namespace vigil {
namespace {

constexpr std::size_t lanes = 8;

void eight_at_once(const Challenge& challenge, std::span<const std::uint64_t> nonces,
                   std::span<Hash> out) {
    std::array<std::uint64_t, lanes> batch{};
    std::array<Hash, lanes> hashes;
    static_assert(sizeof hashes == lanes * Hash::size);
    for (std::size_t at = 0; at < nonces.size(); at += lanes) {
        const std::size_t count = std::min(lanes, nonces.size() - at);
        std::copy_n(nonces.begin() + static_cast<std::ptrdiff_t>(at), count, batch.begin());
        detail::pow_hashes_avx512(challenge.bytes.data(), batch.data(),
                                  hashes.front().bytes.data());
        std::copy_n(hashes.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

}  // namespace

void pow_hashes(const Challenge& challenge, std::span<const std::uint64_t> nonces,
                std::span<Hash> out) {
    require(nonces.size() == out.size(), "one hash for each nonce");
    static const bool avx512 = detail::has_avx512();
    if (avx512) return eight_at_once(challenge, nonces, out);
    for (std::size_t i = 0; i < nonces.size(); ++i) out[i] = pow_hash(challenge, nonces[i]);
}

}  // namespace vigil
