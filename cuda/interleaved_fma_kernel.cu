#include "cuda/interleaved_kernel.cuh"

namespace vigil::cuda {
namespace {

__global__ void __launch_bounds__(block_threads, blocks_per_unit)
    search_interleaved_fma(const __grid_constant__ SearchArguments job) {
    search_interleaved(job, [](const SearchArguments& job) { return SharedTurns{job.factors}; });
}

int launch_interleaved_fma(const SearchArguments& job, unsigned blocks, CUstream_st* stream) {
    search_interleaved_fma<<<blocks, block_threads, 0, stream>>>(job);
    return cudaGetLastError();
}

int prepare_interleaved_fma() {
    cudaFuncAttributes attributes;
    const cudaError_t known = cudaFuncGetAttributes(&attributes, search_interleaved_fma);
    if (known != cudaSuccess) return known;
    // Four blocks' tables are more than the driver may set apart by itself.
    return cudaFuncSetAttribute(search_interleaved_fma,
                                cudaFuncAttributePreferredSharedMemoryCarveout,
                                cudaSharedmemCarveoutMaxShared);
}

}  // namespace

const SearchKernel interleaved_fma_kernel{"interleaved-fma", even_bits_filter,
                                          launch_interleaved_fma, prepare_interleaved_fma};

}  // namespace vigil::cuda
