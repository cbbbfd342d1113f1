#pragma once

#include <cstddef>
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

/// The hashes of `count` nonces, 32 bytes each, from the challenge's state_before_chi; requires
/// AVX-512 F. Plain pointers: see keccak_lanes.hpp.
void pow_hashes_avx512(const std::uint64_t* before_chi, const std::uint64_t* nonces,
                       std::uint8_t* out, std::size_t count);
bool has_avx512();

}  // namespace detail
}  // namespace vigil
