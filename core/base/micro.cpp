#include "core/base/micro.hpp"

#include <stdexcept>

namespace vigil {
namespace {

constexpr u128 max_count = ~u128{0};

}  // namespace

Micro& Micro::operator+=(Micro other) {
    if (other.count_ > max_count - count_) throw std::overflow_error{"amount above 2^128 - 1"};
    count_ += other.count_;
    return *this;
}

Micro& Micro::operator-=(Micro other) {
    if (other.count_ > count_) throw std::overflow_error{"amount below zero"};
    count_ -= other.count_;
    return *this;
}

Micro Micro::scaled_down(Ppm ratio) const {
    // count = q·10⁶ + r, so ⌊count·ratio/10⁶⌋ = q·ratio + ⌊r·ratio/10⁶⌋, and r·ratio fits easily.
    const u128 q = count_ / Ppm::one;
    const u128 r = count_ % Ppm::one;
    if (ratio.value != 0 && q > max_count / ratio.value)
        throw std::overflow_error{"scaled amount above 2^128 - 1"};
    return Micro{q * ratio.value} + Micro{r * ratio.value / Ppm::one};
}

std::string to_string(Micro amount) {
    std::string reversed;
    u128 rest = amount.count();
    do {
        reversed.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
        rest /= 10;
    } while (rest != 0);
    return {reversed.rbegin(), reversed.rend()};
}

std::string to_credits(Micro amount) {
    constexpr Micro::Count credit = 1'000'000;
    const std::string whole = to_string(Micro{amount.count() / credit});
    const std::string micro = to_string(Micro{amount.count() % credit});
    return whole + "." + std::string(6 - micro.size(), '0') + micro;
}

Expected<Micro, std::string> micro_from_decimal(std::string_view text) {
    if (text.empty()) return tl::unexpected{std::string{"expected decimal digits, got nothing"}};
    u128 count{};
    for (const char c : text) {
        if (c < '0' || c > '9')
            return tl::unexpected{"expected decimal digits, got \"" +
                                  std::string{text.substr(0, 80)} + "\""};
        const auto digit = static_cast<unsigned>(c - '0');
        if (count > (max_count - digit) / 10)
            return tl::unexpected{"amount above 2^128 - 1: \"" + std::string{text.substr(0, 80)} +
                                  "\""};
        count = count * 10 + digit;
    }
    return Micro{count};
}

std::array<std::uint8_t, 16> to_bytes(Micro amount) {
    std::array<std::uint8_t, 16> out{};
    u128 rest = amount.count();
    for (auto byte = out.rbegin(); byte != out.rend(); ++byte, rest >>= 8)
        *byte = static_cast<std::uint8_t>(rest);
    return out;
}

Micro micro_from_bytes(const std::array<std::uint8_t, 16>& bytes) {
    u128 count{};
    for (const std::uint8_t byte : bytes) count = count << 8 | byte;
    return Micro{count};
}

}  // namespace vigil
