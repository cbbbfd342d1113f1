#include "health/cuda_driver.hpp"

#include <algorithm>
#include <array>
#include <dlfcn.h>

#include "core/work/gpu_uid.hpp"

namespace vigil::health {
namespace {

// The few declarations that are used, from the published CUDA driver API: neither its header nor a
// driver is needed to build.
using Result = int;
using Device = int;
struct Uuid {
    std::array<std::uint8_t, 16> bytes;
};
constexpr Result success = 0;
constexpr Result no_device = 100;
constexpr int capability_major = 75;
constexpr int capability_minor = 76;
constexpr int most_cards = 64;

template <class Function>
Function find(void* library, const char* name) {
    return reinterpret_cast<Function>(::dlsym(library, name));
}

}  // namespace

CudaDriver look_at_cuda_driver(const std::string& library) {
    CudaDriver out;
    void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed
    if (!opened) {
        out.trouble = library + " is not here";
        return out;
    }
    out.present = true;
    const auto version = find<Result (*)(int*)>(opened, "cuDriverGetVersion");
    const auto init = find<Result (*)(unsigned)>(opened, "cuInit");
    const auto count_of = find<Result (*)(int*)>(opened, "cuDeviceGetCount");
    const auto get = find<Result (*)(Device*, int)>(opened, "cuDeviceGet");
    const auto name_of = find<Result (*)(char*, int, Device)>(opened, "cuDeviceGetName");
    const auto attribute = find<Result (*)(int*, int, Device)>(opened, "cuDeviceGetAttribute");
    auto uuid_of = find<Result (*)(Uuid*, Device)>(opened, "cuDeviceGetUuid_v2");
    if (!uuid_of) uuid_of = find<Result (*)(Uuid*, Device)>(opened, "cuDeviceGetUuid");
    if (!version || !init || !count_of || !get || !name_of || !attribute || !uuid_of) {
        out.trouble = library + " is not a CUDA driver that this program knows";
        return out;
    }
    if (version(&out.version) != success) out.version = 0;
    int count = 0;
    Result result = init(0);
    if (result == success) result = count_of(&count);
    if (result != success && result != no_device) {
        out.trouble = "the CUDA driver does not start (error " + std::to_string(result) + ")";
        return out;
    }
    for (int i = 0; i < std::min(count, most_cards); ++i) {
        Device device{};
        Uuid uuid{};
        std::array<char, 128> name{};
        CudaCard card;
        if (get(&device, i) != success || uuid_of(&uuid, device) != success) continue;
        if (name_of(name.data(), static_cast<int>(name.size()) - 1, device) == success)
            card.name = name.data();
        attribute(&card.major, capability_major, device);
        attribute(&card.minor, capability_minor, device);
        card.uuid = gpu_uid(uuid.bytes);
        out.cards.push_back(std::move(card));
    }
    return out;
}

}  // namespace vigil::health
