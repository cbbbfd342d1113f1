#include "core/work/gpu_uid.hpp"

namespace vigil {

std::string gpu_uid(std::span<const std::uint8_t, 16> uuid) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out = "GPU-";
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        out += digits[uuid[i] >> 4];
        out += digits[uuid[i] & 15];
    }
    return out;
}

}  // namespace vigil
