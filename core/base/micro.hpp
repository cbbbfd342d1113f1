#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/expected.hpp"
#include "core/base/ppm.hpp"
#include "core/base/u128.hpp"

namespace vigil {

/// Amount in whole micro-credits, 1 credit = 1,000,000 (protocol 1.5). 128 bits, as in state_hash (8.6).
/// Overflow and results below zero throw std::overflow_error; nothing wraps.
class Micro {
public:
    using Count = u128;

    constexpr Micro() = default;
    constexpr explicit Micro(Count count) : count_{count} {}

    constexpr Count count() const { return count_; }
    friend constexpr auto operator<=>(const Micro&, const Micro&) = default;

    Micro& operator+=(Micro other);
    Micro& operator-=(Micro other);
    friend Micro operator+(Micro a, Micro b) { return a += b; }
    friend Micro operator-(Micro a, Micro b) { return a -= b; }

    /// ⌊this · ratio / 10⁶⌋, computed without intermediate overflow.
    Micro scaled_down(Ppm ratio) const;

private:
    Count count_{};
};

/// Whole micro-credits in decimal.
std::string to_string(Micro amount);
/// Credits for people: "12.500000"; never used to compute.
std::string to_credits(Micro amount);
/// Decimal digits only, at most 2¹²⁸−1.
Expected<Micro, std::string> micro_from_decimal(std::string_view text);

/// u128, big-endian (protocol 1.3).
std::array<std::uint8_t, 16> to_bytes(Micro amount);
Micro micro_from_bytes(const std::array<std::uint8_t, 16>& bytes);

}  // namespace vigil
