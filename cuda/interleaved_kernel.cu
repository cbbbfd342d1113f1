#include "cuda/interleaved_kernel.cuh"

namespace vigil::cuda {
namespace {

__global__ void __launch_bounds__(block_threads, blocks_per_unit)
    search_interleaved(const __grid_constant__ SearchArguments job) {
    search_interleaved(job, [](const SearchArguments& job) { return AluTurns{}; });
}

int launch_interleaved(const SearchArguments& job, unsigned blocks, CUstream_st* stream) {
    search_interleaved<<<blocks, block_threads, 0, stream>>>(job);
    return cudaGetLastError();
}

int prepare_interleaved() {
    cudaFuncAttributes attributes;
    const cudaError_t known = cudaFuncGetAttributes(&attributes, search_interleaved);
    if (known != cudaSuccess) return known;
    // Four blocks' tables are more than the driver may set apart by itself.
    return cudaFuncSetAttribute(search_interleaved, cudaFuncAttributePreferredSharedMemoryCarveout,
                                cudaSharedmemCarveoutMaxShared);
}

}  // namespace

const SearchKernel interleaved_kernel{"interleaved", even_bits_filter, launch_interleaved,
                                      prepare_interleaved};

}  // namespace vigil::cuda
