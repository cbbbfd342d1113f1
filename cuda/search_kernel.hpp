#pragma once

#include <cstdint>

#include "cuda/interleaved_body.hpp"
#include "cuda/keccak_body.hpp"

struct CUstream_st;

namespace vigil::cuda {

/// A unit is 8,192 nonces in a row, aligned: the work that a block takes at a time.
inline constexpr unsigned block_threads = 128;
inline constexpr unsigned thread_nonces = 64;
inline constexpr unsigned unit_nonces = block_threads * thread_nonces;
/// The blocks of each kernel that a multiprocessor holds at a time.
inline constexpr unsigned blocks_per_unit = 4;

/// AffineWords of what a nonce is made of: nonce = unit · 8,192 + thread · 64 + iteration, and unit
/// = high · 256 + low. The words of the nonce are the exclusive or of those of its four parts.
struct AffineTables {
    static constexpr unsigned low_units = 256;
    static constexpr int pairs = AffineWords::size / 2;

    Interleaved threads[pairs][block_threads];  ///< transposed: neighbours read neighbouring memory
    AffineWords iterations[thread_nonces];
    AffineWords units[low_units];
};

/// One launch: every nonce of the units is computed. The candidates are those with no bit of
/// `filter` in the word that the kernel looks at; the hits are the candidates from first to last
/// whose hash begins with 64 bits at or below the threshold. Both lists keep the first that fit,
/// both counters count all.
struct SearchArguments {
    BeforeChi before_chi;
    Interleaved b13, b14;
    TurnFactors factors;
    const AffineTables* tables;
    const AffineWords* high_units;  ///< from that of first_unit on
    std::uint64_t first_unit;
    std::uint32_t units;
    std::uint32_t filter;
    std::uint64_t first;
    std::uint64_t last;
    std::uint64_t threshold64;
    std::uint32_t candidate_capacity;
    std::uint32_t capacity;
    unsigned int* counters;  ///< candidates, hits
    unsigned long long* candidates;
    unsigned long long* found;
};

/// One way of computing, of several that a device may choose from.
struct SearchKernel {
    const char* name;
    /// The filter for a threshold: at most 16 bits, which every hit has clear.
    std::uint32_t (*filter)(std::uint64_t threshold64);
    /// Asynchronous: finds candidates. A cudaError_t as int.
    int (*launch)(const SearchArguments& arguments, unsigned blocks, CUstream_st* stream);
    /// Before the first launch on the device in use: whether it can run it. A cudaError_t as int.
    int (*prepare)();
};

extern const SearchKernel hi_lo_kernel;            ///< upper and lower words: the yardstick
extern const SearchKernel interleaved_kernel;      ///< even and odd bits, on the ALU pipe
extern const SearchKernel interleaved_fma_kernel;  ///< and most rotations on the FMA pipe

/// Asynchronous, after a kernel on the same stream: hits from its candidates. A cudaError_t as int.
int launch_confirm(const SearchArguments& arguments, unsigned blocks, CUstream_st* stream);

}  // namespace vigil::cuda
