#pragma once

#include <vector>

#include "verifier/schedule.hpp"

namespace vigil::verifier {

struct DaySettlement {
    SettledDay day;
    std::vector<DayRecord> devices;  ///< ascending by device id
};

/// Settles a day (protocol 7, 8) for every device enrolled before its end, reveals its key
/// (protocol 3.1), in one transaction. All its windows must be closed, none after them, and the
/// roster be as of the last one: so the baselines are those of the day's end. Repeating it is
/// harmless and tells no devices. Throws StoreFailed; then nothing was settled.
DaySettlement settle_day(Store& store, const Roster& roster, const Schedule& schedule, DayIndex day,
                         Instant now);

}  // namespace vigil::verifier
