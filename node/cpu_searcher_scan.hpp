#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "node/search_lanes.hpp"

namespace vigil::node {

/// A scan stops for its caller before it could find more than this.
inline constexpr std::size_t scan_capacity = 256;

struct ScanTask {
    const FirstRound& first_round;
    std::uint64_t first{};
    std::uint64_t last{};         ///< inclusive
    std::uint64_t threshold64{};  ///< hashes whose first 64 bits are at most this are found
};

struct Scanned {
    std::size_t found{};
    std::uint64_t nonces{};  ///< scanned from the front; 2⁶⁴ of them do not occur
};

/// Writes the nonces found, ascending, to an array of scan_capacity. Exact for every threshold.
using Scan = Scanned (*)(const ScanTask& task, std::uint64_t* found);

/// One way of computing, in order of preference from slowest to fastest.
struct CpuPath {
    std::string_view name;
    unsigned nonces_at_once{};
    Scan scan;
    bool (*supported)();
};

/// Every path this build contains, slowest first; the first is supported everywhere.
std::span<const CpuPath> cpu_paths();

Scanned scan_scalar(const ScanTask& task, std::uint64_t* found);
Scanned scan_bmi2(const ScanTask& task, std::uint64_t* found);
Scanned scan_avx2(const ScanTask& task, std::uint64_t* found);
Scanned scan_avx512(const ScanTask& task, std::uint64_t* found);

/// The loop of every path. L adds to SearchLanes' operations `width`, `store(u64*)` and
/// `any_equal(mask, want)`: whether some lane & mask equals want.
template <class L>
[[gnu::always_inline]] inline Scanned scan_lanes(const ScanTask& task, std::uint64_t* found) {
    // A hash is compared as a big-endian number, a lane is little-endian. The leading zero bits of
    // the threshold make a mask that no hash below it has a bit in: cheap, and exact enough to make
    // candidates rare.
    const int zeros = task.threshold64 == 0 ? 64 : __builtin_clzll(task.threshold64);
    const std::uint64_t leading = zeros == 0 ? 0 : ~std::uint64_t{0} << (64 - zeros);
    const std::uint64_t mask = __builtin_bswap64(leading);
    const std::uint64_t want = keccak_iota[23] & mask;

    std::size_t count = 0;
    std::uint64_t block = task.first & ~(block_nonces - 1);
    const std::uint64_t last_block = task.last & ~(block_nonces - 1);
    for (;; block += block_nonces) {
        AffinePart part;
        affine_part(task.first_round, __builtin_bswap64(block), part);
        for (unsigned place = 0; place < block_nonces; place += L::width) {
            const L lane = SearchLanes<L>::hash_lane(task.first_round, part, place);
            if (__builtin_expect(!lane.any_equal(mask, want), 1)) continue;
            std::uint64_t lanes[L::width];
            lane.store(lanes);
            for (unsigned i = 0; i < L::width; ++i) {
                const std::uint64_t nonce = block + place + i;
                const std::uint64_t hash64 = __builtin_bswap64(lanes[i] ^ keccak_iota[23]);
                if (hash64 <= task.threshold64 && nonce >= task.first && nonce <= task.last)
                    found[count++] = nonce;
            }
        }
        if (block == last_block) return {count, task.last - task.first + 1};
        if (count > scan_capacity - block_nonces) return {count, block + block_nonces - task.first};
    }
}

}  // namespace vigil::node
