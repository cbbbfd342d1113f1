#pragma once

#include <cstddef>
#include <cuda_runtime_api.h>
#include <memory>
#include <string>
#include <string_view>

// CUDA's runtime calls with owners for its resources and errors as SearchFailed. Internal to cuda/.
namespace vigil::cuda {

/// "cudaErrorNoDevice: no CUDA-capable device is detected"
std::string error_text(cudaError_t error);

/// Throws SearchFailed naming the call and the error unless `error` is cudaSuccess.
void check(cudaError_t error, std::string_view call);

struct Freed {
    void operator()(void* memory) const { cudaFree(memory); }
};
struct HostFreed {
    void operator()(void* memory) const { cudaFreeHost(memory); }
};
struct Destroyed {
    void operator()(cudaStream_t stream) const { cudaStreamDestroy(stream); }
    void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
};

template <class T>
using DeviceMemory = std::unique_ptr<T[], Freed>;
template <class T>
using PinnedMemory = std::unique_ptr<T[], HostFreed>;
using Stream = std::unique_ptr<CUstream_st, Destroyed>;
using Event = std::unique_ptr<CUevent_st, Destroyed>;

template <class T>
DeviceMemory<T> device_memory(std::size_t count) {
    void* out = nullptr;
    check(cudaMalloc(&out, count * sizeof(T)), "cudaMalloc");
    return DeviceMemory<T>{static_cast<T*>(out)};
}

template <class T>
PinnedMemory<T> pinned_memory(std::size_t count) {
    void* out = nullptr;
    check(cudaMallocHost(&out, count * sizeof(T)), "cudaMallocHost");
    return PinnedMemory<T>{static_cast<T*>(out)};
}

Stream make_stream();
/// An event whose waiting thread sleeps.
Event make_event();

}  // namespace vigil::cuda
