#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

struct RoundConstants {
    std::uint64_t values[24];
};
constexpr RoundConstants listed() {
    RoundConstants out{};
    for (int i = 0; i < 24; ++i) out.values[i] = keccak_iota[i];
    return out;
}
__constant__ RoundConstants round_constants = listed();

__device__ std::uint64_t hash64(const BeforeChi& before_chi, std::uint64_t nonce) {
    const Lane n = lane(nonce);
    State state;
    state.first_round(before_chi, {byte_swapped(n.hi), byte_swapped(n.lo)});
#pragma unroll 1
    for (int round = 1; round < 23; ++round) state.round(round_constants.values[round]);
    const Lane out = state.last_round();
    return static_cast<std::uint64_t>(byte_swapped(out.lo)) << 32 | byte_swapped(out.hi);
}

/// Candidates are rare, so this is short rather than fast.
__global__ void __launch_bounds__(block_threads)
    confirm(const __grid_constant__ SearchArguments job) {
    const std::uint32_t count = min(job.counters[0], job.candidate_capacity);
    for (std::uint32_t i = blockIdx.x * block_threads + threadIdx.x; i < count;
         i += gridDim.x * block_threads) {
        const std::uint64_t nonce = job.candidates[i];
        if (nonce < job.first || nonce > job.last) continue;
        if (hash64(job.before_chi, nonce) > job.threshold64) continue;
        const unsigned int index = atomicAdd(&job.counters[1], 1U);
        if (index < job.capacity) job.found[index] = nonce;
    }
}

}  // namespace

int launch_confirm(const SearchArguments& job, unsigned blocks, CUstream_st* stream) {
    confirm<<<blocks, block_threads, 0, stream>>>(job);
    return cudaGetLastError();
}

}  // namespace vigil::cuda
