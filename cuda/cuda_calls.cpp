#include "cuda/cuda_calls.hpp"

#include <map>
#include <mutex>

#include "core/work/searcher.hpp"

namespace vigil::cuda {

std::string error_text(cudaError_t error) {
    return std::string{cudaGetErrorName(error)} + ": " + cudaGetErrorString(error);
}

void check(cudaError_t error, std::string_view call) {
    if (error != cudaSuccess)
        throw SearchFailed{"CUDA: " + std::string{call} + ": " + error_text(error)};
}

namespace {

std::mutex in_use_mutex;
std::map<int, int> in_use;  // guarded by in_use_mutex: searchers by ordinal

}  // namespace

InUse::InUse(int ordinal) : ordinal_{ordinal} {
    const std::lock_guard lock{in_use_mutex};
    ++in_use[ordinal_];
}

InUse::~InUse() {
    const std::lock_guard lock{in_use_mutex};
    --in_use[ordinal_];
}

void make_fresh(int ordinal) {
    const std::lock_guard lock{in_use_mutex};
    if (in_use[ordinal] > 0) return;
    if (cudaSetDevice(ordinal) == cudaSuccess) cudaDeviceReset();
    cudaGetLastError();  // what the runtime kept for this thread
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
