#pragma once

#include <cstdint>

#include "cuda/keccak_body.hpp"

struct CUstream_st;

namespace vigil::cuda {

/// One launch. Every nonce with hash32 ≤ threshold32 is a hit; the list keeps the first `capacity`,
/// the counter counts all.
struct SearchArguments {
    BeforeChi before_chi;
    std::uint64_t first;
    std::uint64_t more;  ///< nonces after the first
    std::uint32_t threshold32;
    std::uint32_t capacity;
    unsigned int* hits;
    unsigned long long* found;
};

/// One way of computing, of several that a device may choose from.
struct SearchKernel {
    const char* name;
    unsigned block_threads;
    unsigned blocks_per_unit;
    /// Asynchronous; a cudaError_t as int.
    int (*launch)(const SearchArguments& arguments, unsigned blocks, CUstream_st* stream);
    /// Whether the device in use can run it; a cudaError_t as int.
    int (*probe)();
};

extern const SearchKernel hi_lo_kernel;

}  // namespace vigil::cuda
