#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/schedule.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::demo {

/// What an actor of the demo is there to show.
enum class Part : std::uint8_t { honest, flaky, lazy, replayer };

struct Actor {
    std::string name;  ///< the node's name in the store
    Part part{};
};

/// The days that are counted: the first in which everybody had time to earn something, and those
/// after.
struct CountedDays {
    DayIndex first;
    std::int64_t count{};
};

/// The table that the demo prints: one line for each device and day, and why. Reads the store only.
std::string day_table(Reader& reader, const Calendar& calendar, const std::vector<Actor>& actors,
                      CountedDays days);

/// One sentence for each thing that should have happened and did not; empty: the demo showed what
/// it claims. `refused`: answers the verifier refused because the challenge was another's.
std::vector<std::string> unmet_expectations(Reader& reader, const Calendar& calendar,
                                            const std::vector<Actor>& actors, CountedDays days,
                                            std::uint64_t refused);

}  // namespace vigil::verifier::demo
