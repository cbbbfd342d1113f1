#include "cuda/cuda_calls.hpp"

#include <map>
#include <mutex>

#include "core/work/searcher.hpp"

namespace vigil::cuda {

std::string error_text(cudaError_t error) {
    return std::string{cudaGetErrorName(error)} + ": " + cudaGetErrorString(error);
}

void check(cudaError_t error, std::string_view call) {
    if (error == cudaSuccess) return;
    cudaGetLastError();  // the thread keeps it for whoever asks next
    throw SearchFailed{"CUDA: " + std::string{call} + ": " + error_text(error)};
}

namespace {

/// One device's searchers, and whether it is being reset: a device that hangs there stops nobody
/// who uses another.
struct Use {
    std::mutex mutex;
    int searchers{};  // guarded by mutex
};

/// Never destroyed: a search that hung may come back while the program ends.
Use& use_of(int ordinal) {
    static auto& mutex = *new std::mutex;
    static auto& uses = *new std::map<int, Use>;
    const std::lock_guard lock{mutex};
    return uses[ordinal];
}

}  // namespace

InUse::InUse(int ordinal) : ordinal_{ordinal} {
    Use& use = use_of(ordinal_);
    const std::lock_guard lock{use.mutex};
    ++use.searchers;
}

InUse::~InUse() {
    Use& use = use_of(ordinal_);
    const std::lock_guard lock{use.mutex};
    --use.searchers;
}

void make_fresh(int ordinal) {
    Use& use = use_of(ordinal);
    const std::lock_guard lock{use.mutex};
    cudaGetLastError();
    if (use.searchers > 0) return;
    if (cudaSetDevice(ordinal) == cudaSuccess) cudaDeviceReset();
    cudaGetLastError();
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
