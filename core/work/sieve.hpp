#pragma once

#include <cstdint>

namespace vigil {

/// A check of a device's counters that costs nothing: of the hashes of completed launches, how many
/// passed the filter that comes before the threshold, and how many of them chance lets pass. A gap
/// says that launches were skipped, counted twice or computed wrongly.
struct Sieve {
    std::uint64_t expected_65536ths{};  ///< the mean of `passed`, times 65,536
    std::uint64_t passed{};

    /// A launch of that many hashes through a filter of that many bits; nothing unless these are 8
    /// to 16.
    static Sieve of(std::uint64_t hashes, int bits, std::uint64_t passed);

    Sieve& operator+=(const Sieve& more) {
        expected_65536ths += more.expected_65536ths;
        passed += more.passed;
        return *this;
    }
    /// Whether `passed` is within five standard deviations of its mean; always, below a mean of
    /// 100.
    bool plausible() const;
};

}  // namespace vigil
