#include <CL/cl_ext.h>
#include <array>
#include <cstdio>

#include "core/work/gpu_uid.hpp"
#include "opencl/opencl_calls.hpp"
#include "opencl/opencl_searcher.hpp"
#include "opencl/opencl_work.hpp"

namespace vigil::opencl {
namespace {

// Of extensions that the oldest headers we build with do not name.
constexpr cl_device_info device_uuid = 0x106A;        // cl_khr_device_uuid
constexpr cl_device_info device_pci_bus = 0x410F;     // cl_khr_pci_bus_info
constexpr cl_device_info device_topology = 0x4037;    // cl_amd_device_attribute_query
constexpr cl_device_info device_board_name = 0x4038;  // the same

constexpr cl_uint most_platforms = 16;
constexpr cl_uint most_devices = 64;

struct PciAddress {
    cl_uint domain;
    cl_uint bus;
    cl_uint device;
    cl_uint function;
};

/// cl_device_topology_amd.
struct AmdTopology {
    cl_uint type;
    std::array<cl_uchar, 17> unused;
    cl_uchar bus;
    cl_uchar device;
    cl_uchar function;
};
static_assert(sizeof(AmdTopology) == 24);
constexpr cl_uint topology_is_pci = 1;

bool has(const std::string& extensions, std::string_view name) {
    return extensions.find(name) != std::string::npos;
}

std::string pci_text(const PciAddress& pci) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", pci.domain, pci.bus, pci.device,
                  pci.function);
    return text.data();
}

/// Empty where the driver does not tell. AMD's tells no domain: that is 0 but on large machines.
std::string pci_of(cl_device_id device) {
    const std::string extensions = device_text(device, CL_DEVICE_EXTENSIONS);
    if (has(extensions, "cl_khr_pci_bus_info"))
        return pci_text(device_value(device, device_pci_bus, PciAddress{}));
    if (!has(extensions, "cl_amd_device_attribute_query")) return {};
    const auto amd = device_value(device, device_topology, AmdTopology{});
    return amd.type == topology_is_pci ? pci_text({0, amd.bus, amd.device, amd.function}) : "";
}

std::string uid_of(cl_device_id device, const std::string& platform, std::size_t index) {
    const std::string extensions = device_text(device, CL_DEVICE_EXTENSIONS);
    constexpr std::array<std::uint8_t, 16> no_uuid{};
    if (has(extensions, "cl_khr_device_uuid")) {
        const auto uuid = device_value(device, device_uuid, no_uuid);
        if (uuid != no_uuid) return gpu_uid(uuid);
    }
    if (has(extensions, "cl_khr_pci_bus_info")) return "opencl:pci:" + pci_of(device);
    return "opencl:" + platform + ":" + device_text(device, CL_DEVICE_NAME) + ":" +
           std::to_string(index);
}

Device described(cl_device_id id, const std::string& platform, std::size_t index) {
    Device out;
    out.is_processor = (device_value<cl_device_type>(id, CL_DEVICE_TYPE, CL_DEVICE_TYPE_GPU) &
                        CL_DEVICE_TYPE_CPU) != 0;
    const std::string board = device_text(id, device_board_name);
    out.description = {.uid = uid_of(id, platform, index),
                       .name = board.empty() ? device_text(id, CL_DEVICE_NAME) : board,
                       .backend = Backend::opencl,
                       .driver = platform + ", " + device_text(id, CL_DRIVER_VERSION),
                       .kernel = "",
                       .memory_bytes = device_value<cl_ulong>(id, CL_DEVICE_GLOBAL_MEM_SIZE, 0),
                       .compute_units = device_value<cl_uint>(id, CL_DEVICE_MAX_COMPUTE_UNITS, 0),
                       .pci_address = pci_of(id)};
    out.open = [id, description = out.description,
                is_processor = out.is_processor](const OpenOptions& options) {
        return open_device(id, description, is_processor && !options.gpu_kernels, options.limits);
    };
    return out;
}

std::string why_unusable(cl_device_id id) {
    if (!device_value<cl_bool>(id, CL_DEVICE_AVAILABLE, CL_FALSE)) return "it is not available";
    if (!device_value<cl_bool>(id, CL_DEVICE_COMPILER_AVAILABLE, CL_FALSE))
        return "its driver has no compiler";
    if (!device_value<cl_bool>(id, CL_DEVICE_ENDIAN_LITTLE, CL_FALSE)) return "it is big-endian";
    return {};
}

}  // namespace

Devices find_devices() {
    Devices out;
    std::array<cl_platform_id, most_platforms> platforms{};
    cl_uint platform_count = 0;
    if (clGetPlatformIDs(most_platforms, platforms.data(), &platform_count) != CL_SUCCESS ||
        platform_count == 0) {
        out.notes.emplace_back(
            "no OpenCL driver is installed (nothing in /etc/OpenCL/vendors): OpenCL devices are "
            "not used");
        return out;
    }
    for (cl_uint p = 0; p < std::min(platform_count, most_platforms); ++p) {
        const std::string platform = platform_text(platforms[p], CL_PLATFORM_NAME);
        std::array<cl_device_id, most_devices> ids{};
        cl_uint count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, most_devices, ids.data(), &count) !=
                CL_SUCCESS ||
            count == 0) {
            out.notes.push_back("the OpenCL driver \"" + platform + "\" has no device");
            continue;
        }
        for (cl_uint d = 0; d < std::min(count, most_devices); ++d) {
            const std::string why = why_unusable(ids[d]);
            if (why.empty())
                out.devices.push_back(described(ids[d], platform, d));
            else
                out.notes.push_back("OpenCL device \"" + device_text(ids[d], CL_DEVICE_NAME) +
                                    "\" is not used: " + why);
        }
    }
    return out;
}

}  // namespace vigil::opencl
