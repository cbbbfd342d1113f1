#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// Everything that decided one device's day, as the store holds it.
struct DayFile {
    Genesis genesis;
    Policy policy;  ///< in force on the day
    DeviceRecord device;
    DayIndex day;
    std::vector<WindowRecord> windows;  ///< closed ones, ascending
    std::vector<CheckRow> checks;       ///< ascending by start
    std::optional<DayRecord> before;    ///< the last settled day before
    std::optional<DayRecord> settled;   ///< nothing: the day is not settled yet
};

/// `policy`: the one in force on the day.
DayFile read_day_file(Reader& reader, const Policy& policy, const DeviceRecord& device,
                      DayIndex day);

/// Why a window of the day does not count for the device, in a few words; nothing: it does
/// (protocol 6.1).
std::optional<std::string> why_not_counted(const DayFile& file, const Span& window);

/// The arithmetic of the day line by line: windows with the verdict that caused each, multiplier,
/// day rate, base, credit, then grace or slash (protocol 6 to 8). For people: numbers exact, times
/// UTC, amounts in credits. Lines that belong to one above are indented.
std::vector<std::string> explain(const DayFile& file);

}  // namespace vigil::verifier
