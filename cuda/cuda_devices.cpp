#include <algorithm>
#include <array>
#include <fstream>

#include "core/work/gpu_uid.hpp"
#include "cuda/cuda_calls.hpp"
#include "cuda/cuda_searcher.hpp"
#include "cuda/cuda_work.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

/// "580.65.06" of "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sat …"; empty where
/// it is not said.
std::string kernel_module_version() {
    std::ifstream file{"/proc/driver/nvidia/version"};
    std::string word;
    for (int words = 0; words < 32 && file >> word; ++words) {
        const bool number = word.find_first_not_of("0123456789.") == std::string::npos &&
                            word.find('.') != std::string::npos;
        if (number) return word.substr(0, 32);
    }
    return {};
}

std::string driver_text() {
    int version = 0;
    std::string out = "CUDA";
    if (cudaDriverGetVersion(&version) == cudaSuccess)
        out.append(" ")
            .append(std::to_string(version / 1'000))
            .append(".")
            .append(std::to_string(version % 1'000 / 10));
    const std::string module = kernel_module_version();
    if (!module.empty()) out.append(", driver ").append(module);
    return out;
}

DeviceDescription described(const cudaDeviceProp& properties) {
    std::array<std::uint8_t, 16> uuid{};
    std::copy_n(properties.uuid.bytes, uuid.size(), uuid.begin());
    return {.uid = gpu_uid(uuid),
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

int toolkit_version() { return CUDART_VERSION; }

}  // namespace vigil::cuda
