#pragma once

#include <functional>
#include <string>
#include <vector>

#include "verifier/replay.hpp"

/// What the record says beside what the replay says. Rows of both come sorted as Reader gives them;
/// each difference becomes one sentence of the report.
namespace vigil::verifier::replaying {

using NameDevice = std::function<std::string(DeviceRef)>;

/// Rows of one window. `open`: the window is not closed, so the record may still lack verdicts.
void compare_verdicts(const std::vector<CheckRow>& recorded, const std::vector<CheckRow>& replayed,
                      bool open, const NameDevice& name, ReplayReport& report);
void compare_windows(const std::vector<WindowRecord>& recorded,
                     const std::vector<WindowRecord>& replayed, const NameDevice& name,
                     ReplayReport& report);
void compare_days(const std::vector<DayRecord>& recorded, const std::vector<DayRecord>& replayed,
                  const NameDevice& name, ReplayReport& report);
/// The latest calibration of each device.
void compare_calibrations_issued(const std::vector<CalibrationRecord>& recorded,
                                 const std::vector<CalibrationRecord>& replayed,
                                 const NameDevice& name, ReplayReport& report);
void compare_settled(const SettledDay& recorded, const SettledDay& replayed, ReplayReport& report);
void compare_nodes(const std::vector<NodeRecord>& recorded, const std::vector<NodeRecord>& replayed,
                   ReplayReport& report);
void compare_devices(const std::vector<DeviceRecord>& recorded,
                     const std::vector<DeviceRecord>& replayed, ReplayReport& report);

}  // namespace vigil::verifier::replaying
