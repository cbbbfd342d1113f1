#pragma once

#include <compare>
#include <cstdint>

namespace vigil {

/// A ratio in parts per million (protocol 1.5).
struct Ppm {
    static constexpr std::uint32_t one = 1'000'000;
    std::uint32_t value{};
    friend auto operator<=>(const Ppm&, const Ppm&) = default;
};

}  // namespace vigil
