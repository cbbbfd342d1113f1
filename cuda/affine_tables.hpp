#pragma once

#include <array>
#include <memory>
#include <span>

#include "core/base/bytes.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {

/// What a challenge's nonces share, as the interleaved kernels want it.
class AffineMap {
public:
    explicit AffineMap(const Challenge& challenge);

    /// The words of a nonce.
    AffineWords words(std::uint64_t nonce) const;
    /// The part of a nonce's words that its bits add: words(a ^ b) = words(a) ^ linear(b).
    AffineWords linear(std::uint64_t nonce) const;

    Interleaved b13() const { return interleaved(before_chi_[13]); }
    Interleaved b14() const { return interleaved(before_chi_[14]); }
    const std::array<std::uint64_t, 25>& before_chi() const { return before_chi_; }

private:
    std::array<std::uint64_t, 25> before_chi_;
    AffineWords zero_;
};

AffineWords operator^(const AffineWords& a, const AffineWords& b);

std::unique_ptr<AffineTables> affine_tables(const AffineMap& map);

/// How many high units a launch reaches.
std::uint64_t high_unit_count(std::uint64_t first_unit, std::uint64_t units);
/// Their words, from that of first_unit on; the constant part of all words is in them.
void write_high_units(const AffineMap& map, std::uint64_t first_unit, std::span<AffineWords> out);

TurnFactors turn_factors();

}  // namespace vigil::cuda
