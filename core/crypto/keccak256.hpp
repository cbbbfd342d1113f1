#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.hpp"

namespace vigil {

/// Keccak-256 with the original padding 0x01 … 0x80 (protocol 1.1); not SHA3-256.
Hash keccak256(ByteSpan message);

/// Keccak-f[1600], 24 rounds, on lanes A[x + 5y]. The readable definition every fast kernel is held
/// to.
void keccak_f1600(std::array<std::uint64_t, 25>& lanes);

/// The same permutation by the searchers' rounds, some 1,100 cycles: what keccak256 and pow_hash use.
void keccak_f1600_fast(std::uint64_t (&lanes)[25]);

/// The round constants, for kernels.
extern const std::array<std::uint64_t, 24> keccak_round_constants;

}  // namespace vigil
