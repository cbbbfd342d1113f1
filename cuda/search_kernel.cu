#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

constexpr unsigned threads = 128;
constexpr unsigned blocks_per_unit = 4;

__global__ void __launch_bounds__(threads, blocks_per_unit)
    search_hi_lo(const __grid_constant__ SearchArguments job) {
    const std::uint64_t stride = std::uint64_t{gridDim.x} * threads;
#pragma unroll 1
    for (std::uint64_t offset = std::uint64_t{blockIdx.x} * threads + threadIdx.x;
         offset <= job.more; offset += stride) {
        const std::uint64_t nonce = job.first + offset;
        if (hash32(job.before_chi, nonce) > job.threshold32) continue;
        const unsigned int index = atomicAdd(job.hits, 1U);
        if (index < job.capacity) job.found[index] = nonce;
    }
}

int launch_hi_lo(const SearchArguments& job, unsigned blocks, CUstream_st* stream) {
    search_hi_lo<<<blocks, threads, 0, stream>>>(job);
    return cudaGetLastError();
}

int probe_hi_lo() {
    cudaFuncAttributes attributes;
    return cudaFuncGetAttributes(&attributes, search_hi_lo);
}

}  // namespace

const SearchKernel hi_lo_kernel{"hi-lo", threads, blocks_per_unit, launch_hi_lo, probe_hi_lo};

}  // namespace vigil::cuda
