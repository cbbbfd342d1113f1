#include "core/base/readable.hpp"

#include "core/base/micro.hpp"

namespace vigil {
namespace {

/// value / unit without trailing zeros; unit is a power of ten.
std::string decimal(std::uint32_t value, std::uint32_t unit) {
    std::string text = std::to_string(value / unit);
    std::uint32_t rest = value % unit;
    if (rest != 0) text += '.';
    for (; rest != 0; rest %= unit) {
        unit /= 10;
        text += static_cast<char>('0' + rest / unit);
    }
    return text;
}

}  // namespace

std::string grouped(u128 value) {
    const std::string digits = to_string(Micro{value});
    std::string text;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
        text += digits[i];
    }
    return text;
}

std::string percent(Ppm ratio) { return decimal(ratio.value, 10'000) + " %"; }

std::string factor(Ppm ratio) { return decimal(ratio.value, 1'000'000); }

}  // namespace vigil
