#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verifier/explain.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {

constexpr std::int64_t checks_shown = 25, days_shown = 90, windows_shown = 60;

/// What the store knows of one device, as its page shows it.
struct DeviceFile {
    NodeRecord node;
    DayFile today;                      ///< of the day that is under way
    std::vector<CheckRow> checks;       ///< newest first, checks_shown of them
    std::vector<WindowRecord> windows;  ///< newest first, windows_shown of them
    std::vector<DayRecord> days;        ///< newest first, days_shown of them
    std::optional<DayFile> settled;     ///< the last settled day
};

/// Nothing: no such device. Reads one snapshot; throws StoreFailed.
std::optional<DeviceFile> read_device_file(const Site& site, const DeviceId& id, Instant now,
                                           std::optional<std::int64_t> checks_before);

/// The day as it will be, if every window to come ended like this.
DayResult projected(const Site& site, const DeviceFile& file, WindowOutcome to_come,
                    std::uint64_t rate);

}  // namespace vigil::verifier::web
