#pragma once

#include "core/policy/policy.hpp"

namespace vigil::load {

struct LoadCalendar {
    Milliseconds slot{10'000};
    std::uint32_t slots_per_window = 12;
    std::uint32_t k = 256;
};

/// The rules a load runs under: fleet checks of 256 nonces that are open nearly as long as their
/// slot, so that answers can be sent whenever they are wanted, and pass ratios that any work meets.
/// Everything else, two spot checks a window included, is as in the default policy. Its canonical
/// text is a policy file.
Policy load_policy(const LoadCalendar& calendar);

}  // namespace vigil::load
