#pragma once

#include <cmath>
#include <limits>

#include "verifier/store/records.hpp"

namespace vigil::verifier {

/// Adds up the outcomes of a window. What would not fit in 64 bits is their largest number.
class WindowSum {
public:
    void add(WindowOutcome outcome, std::uint64_t roll_call_rate, bool roll_call_valid) {
        ++totals_.outcomes.at(static_cast<std::size_t>(outcome));
        if (!roll_call_valid) return;
        ++totals_.measured;
        totals_.rate = roll_call_rate > most - totals_.rate ? most : totals_.rate + roll_call_rate;
        const auto rate = static_cast<double>(roll_call_rate);
        squares_ += rate * rate;
    }

    WindowTotals of(WindowIndex window) const {
        WindowTotals out = totals_;
        out.window = window;
        const double root = std::sqrt(squares_);
        out.root = root >= 0x1p64 ? most : static_cast<std::uint64_t>(root);
        return out;
    }

private:
    static constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    WindowTotals totals_;
    double squares_{};
};

}  // namespace vigil::verifier
