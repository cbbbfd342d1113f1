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

/// Marks a device as in use by a searcher while it lives. Any thread.
class InUse {
public:
    explicit InUse(int ordinal);
    ~InUse();
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

private:
    int ordinal_;
};

/// After a failure: a context that saw a failed kernel gives its error to every later call, so the
/// device's is thrown away, and the next use of it makes a new one. Does nothing while a searcher
/// has the device, since its memory would go with the context. What `ordinal` held must be freed.
void make_fresh(int ordinal);

Stream make_stream();
/// An event whose waiting thread sleeps.
Event make_event();

}  // namespace vigil::cuda
