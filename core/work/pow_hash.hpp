#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/base/bytes.hpp"

namespace vigil {

/// h(n) = keccak256(challenge ‖ u256(n)) for a 64-bit nonce (protocol 4.1): the readable definition.
Hash pow_hash(const Challenge& challenge, std::uint64_t nonce);

/// The same for the 256-bit nonces of Lilypad's published vectors (big-endian).
Hash pow_hash_wide(const Challenge& challenge, const std::array<std::uint8_t, 32>& nonce);

}  // namespace vigil
