#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"

namespace vigil {

/// W = ⌊(k−1)·2²⁵⁶ / (H+1)⌋ (protocol 5.4), hashes. Saturates at 2⁶⁴−1, which no device reaches by
/// work. k = 0 and k = 1 give 0.
std::uint64_t estimate_work(std::uint32_t k, const Hash& largest);

/// R = ⌊W·1000 / max(1, elapsed)⌋ (protocol 5.5), hashes per second; saturates at 2⁶⁴−1.
std::uint64_t hash_rate(std::uint64_t work, Milliseconds elapsed);

/// The largest of the hashes of `nonces` as u256; empty for no nonces.
std::optional<Hash> largest_hash(const Challenge& challenge, std::span<const std::uint64_t> nonces);

/// 95 % interval of the work (protocol 5.8), hashes, for people only. Pool several answers over a
/// day by adding their k and their works. k below 2 measures nothing and gives {0, 0}.
struct Interval {
    double lower{};
    double upper{};
};
Interval work_interval(std::uint32_t k, std::uint64_t work);

}  // namespace vigil
