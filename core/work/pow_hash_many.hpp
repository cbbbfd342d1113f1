#pragma once

#include <cstdint>
#include <span>

#include "core/base/bytes.hpp"

namespace vigil {

/// out[i] = pow_hash(challenge, nonces[i]), eight at a time where the processor has AVX-512, else
/// one at a time. `out` is as long as `nonces`. For judging and for rechecking answers, where whole
/// hashes are needed.
void pow_hashes(const Challenge& challenge, std::span<const std::uint64_t> nonces,
                std::span<Hash> out);

namespace detail {

/// Exactly eight nonces, eight hashes of 32 bytes; requires AVX-512 F. Plain pointers: see
/// keccak_permutation.hpp.
void pow_hashes_avx512(const std::uint8_t* challenge, const std::uint64_t* nonces,
                       std::uint8_t* out);
bool has_avx512();

}  // namespace detail
}  // namespace vigil
