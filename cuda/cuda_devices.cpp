#include <array>
#include <cstdio>

#include "cuda/cuda_calls.hpp"
#include "cuda/cuda_searcher.hpp"
#include "cuda/cuda_work.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

/// As NVML writes it.
std::string uuid_text(const cudaUUID_t& uuid) {
    std::string out = "GPU-";
    for (std::size_t i = 0; i < sizeof uuid.bytes; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x",
                      static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])));
        out += hex.data();
    }
    return out;
}

std::string driver_text() {
    int version = 0;
    if (cudaDriverGetVersion(&version) != cudaSuccess) return "CUDA";
    return "CUDA " + std::to_string(version / 1'000) + "." + std::to_string(version % 1'000 / 10);
}

DeviceDescription described(const cudaDeviceProp& properties) {
    return {.uid = uuid_text(properties.uuid),
            .name = properties.name,
            .backend = Backend::cuda,
            .driver = driver_text(),
            .kernel = "",
            .memory_bytes = properties.totalGlobalMem,
            .compute_units = static_cast<std::uint32_t>(properties.multiProcessorCount)};
}

}  // namespace

Devices find_devices() {
    Devices out;
    int count = 0;
    const cudaError_t counted = cudaGetDeviceCount(&count);
    if (counted == cudaErrorInsufficientDriver) {
        int driver = 0;
        const bool present = cudaDriverGetVersion(&driver) == cudaSuccess && driver != 0;
        out.notes.push_back((present ? "the NVIDIA driver is older than this build needs ("
                                     : "no NVIDIA driver found (") +
                            error_text(counted) + "): CUDA devices are not used");
        return out;
    }
    if (counted != cudaSuccess) {
        out.notes.push_back("no CUDA device (" + error_text(counted) +
                            "): CUDA devices are not used");
        return out;
    }
    for (int ordinal = 0; ordinal < count; ++ordinal) {
        cudaDeviceProp properties{};
        const cudaError_t known = cudaGetDeviceProperties(&properties, ordinal);
        if (known != cudaSuccess) {
            out.notes.push_back("CUDA device " + std::to_string(ordinal) + " is not used (" +
                                error_text(known) + ")");
            continue;
        }
        const DeviceDescription description = described(properties);
        out.devices.push_back({description, [ordinal, description](LaunchLimits limits) {
                                   return open_device(ordinal, description, limits);
                               }});
    }
    return out;
}

}  // namespace vigil::cuda
