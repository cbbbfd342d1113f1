#pragma once

#include "cuda/filters.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {

/// The words of a block's nonces but for the thread's part are made once for all its threads, then
/// read by all of a warp at once.
template <class MakeTurns>
__device__ __forceinline__ void search_interleaved(const SearchArguments& job,
                                                   MakeTurns make_turns) {
    __shared__ AffineWords iterations[thread_nonces];
    AffineWords thread;
    auto* const words = reinterpret_cast<Interleaved*>(&thread);
#pragma unroll
    for (int i = 0; i < AffineTables::pairs; ++i) words[i] = job.tables->threads[i][threadIdx.x];

    for (std::uint32_t offset = blockIdx.x; offset < job.units; offset += gridDim.x) {
        const std::uint64_t unit = job.first_unit + offset;
        const std::uint64_t high = unit / AffineTables::low_units;
        const auto* const low_words = reinterpret_cast<const std::uint32_t*>(
            &job.tables->units[unit % AffineTables::low_units]);
        const auto* const high_words = reinterpret_cast<const std::uint32_t*>(
            &job.high_units[high - job.first_unit / AffineTables::low_units]);
        const auto* const from = reinterpret_cast<const std::uint32_t*>(job.tables->iterations);
        auto* const to = reinterpret_cast<std::uint32_t*>(iterations);
        __syncthreads();
#pragma unroll 1
        for (unsigned i = threadIdx.x; i < thread_nonces * AffineWords::size; i += block_threads)
            to[i] = from[i] ^ low_words[i % AffineWords::size] ^ high_words[i % AffineWords::size];
        __syncthreads();

#pragma unroll 1
        for (unsigned i = 0; i < thread_nonces; ++i) {
            const std::uint32_t bits =
                even_bits(thread, iterations[i], job.b13, job.b14, make_turns(job));
            if ((bits & job.filter) != 0) continue;
            const unsigned int index = atomicAdd(&job.counters[0], 1U);
            if (index < job.candidate_capacity)
                job.candidates[index] = unit * unit_nonces + threadIdx.x * thread_nonces + i;
        }
    }
}

}  // namespace vigil::cuda
