#include "core/work/sieve.hpp"

#include "core/base/u128.hpp"

namespace vigil {

namespace {

constexpr int most_bits = 16, fewest_bits = 8;
constexpr std::uint64_t one = 65'536;

}  // namespace

Sieve Sieve::of(std::uint64_t hashes, int bits, std::uint64_t passed) {
    if (bits < fewest_bits || bits > most_bits) return {};
    return {hashes << (most_bits - bits), passed};
}

bool Sieve::plausible() const {
    if (expected_65536ths < 100 * one) return true;
    // (passed - mean)² ≤ 25 mean, times one²
    const u128 seen = static_cast<u128>(passed) * one;
    const u128 gap = seen > expected_65536ths ? seen - expected_65536ths : expected_65536ths - seen;
    if (gap >> 62 != 0) return false;
    return gap * gap <= static_cast<u128>(25) * one * expected_65536ths;
}

}  // namespace vigil
