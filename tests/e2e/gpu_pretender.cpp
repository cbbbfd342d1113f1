/// Preloaded into a node: every OpenCL device calls itself a GPU, so that machines without one can
/// show what a GPU's coming changes.

#include <cstddef>
#include <cstdint>
#include <dlfcn.h>

namespace {

constexpr std::uint32_t device_type = 0x1000;
constexpr std::uint64_t gpu = 4;

}  // namespace

extern "C" std::int32_t clGetDeviceInfo(void* device, std::uint32_t what, std::size_t size,
                                        void* value, std::size_t* needed) {
    static const auto real =
        reinterpret_cast<decltype(&clGetDeviceInfo)>(::dlsym(RTLD_NEXT, "clGetDeviceInfo"));
    const std::int32_t result = real(device, what, size, value, needed);
    if (result == 0 && what == device_type && value) *static_cast<std::uint64_t*>(value) = gpu;
    return result;
}
