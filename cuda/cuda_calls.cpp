#include "cuda/cuda_calls.hpp"

#include "core/work/searcher.hpp"

namespace vigil::cuda {

std::string error_text(cudaError_t error) {
    return std::string{cudaGetErrorName(error)} + ": " + cudaGetErrorString(error);
}

void check(cudaError_t error, std::string_view call) {
    if (error != cudaSuccess)
        throw SearchFailed{"CUDA: " + std::string{call} + ": " + error_text(error)};
}

Stream make_stream() {
    cudaStream_t out = nullptr;
    check(cudaStreamCreateWithFlags(&out, cudaStreamNonBlocking), "cudaStreamCreate");
    return Stream{out};
}

Event make_event() {
    cudaEvent_t out = nullptr;
    check(cudaEventCreateWithFlags(&out, cudaEventBlockingSync | cudaEventDisableTiming),
          "cudaEventCreate");
    return Event{out};
}

}  // namespace vigil::cuda
