#include "cuda/filters.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

__global__ void __launch_bounds__(block_threads, blocks_per_unit)
    search_hi_lo(const __grid_constant__ SearchArguments job) {
    for (std::uint32_t unit = blockIdx.x; unit < job.units; unit += gridDim.x) {
        const std::uint64_t first = (job.first_unit + unit) * unit_nonces + threadIdx.x;
#pragma unroll 1
        for (unsigned i = 0; i < thread_nonces; ++i) {
            const std::uint64_t nonce = first + i * block_threads;
            if ((hash_lane(job.before_chi, nonce).lo & job.filter) != 0) continue;
            const unsigned int index = atomicAdd(&job.counters[0], 1U);
            if (index < job.candidate_capacity) job.candidates[index] = nonce;
        }
    }
}

int launch_hi_lo(const SearchArguments& job, unsigned blocks, CUstream_st* stream) {
    search_hi_lo<<<blocks, block_threads, 0, stream>>>(job);
    return cudaGetLastError();
}

int prepare_hi_lo() {
    cudaFuncAttributes attributes;
    return cudaFuncGetAttributes(&attributes, search_hi_lo);
}

}  // namespace

const SearchKernel hi_lo_kernel{"hi-lo", lower_word_filter, launch_hi_lo, prepare_hi_lo};

}  // namespace vigil::cuda
