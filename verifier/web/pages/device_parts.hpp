#pragma once

#include "verifier/web/device_file.hpp"
#include "verifier/web/html.hpp"

namespace vigil::verifier::web {

/// The windows of today: state in words and shape, the time of the roll call's proof, the reason.
Html window_cells(const Site& site, const DeviceFile& file, Instant now);
/// One cell for each of the last 90 days, newest last.
Html day_calendar(const Site& site, const DeviceFile& file);
/// Days on which something was credited, slashed or covered by grace, with the reason.
Html ledger_table(const DeviceFile& file, const Calendar& calendar);
/// Newest first, with a way to those before.
Html checks_table(const DeviceFile& file, const DeviceId& id);
/// How long ago the device passed a check, as far as `file` reaches.
Html last_passed(const DeviceFile& file, Instant now);
/// How its owner is told of trouble, and how to show the device elsewhere.
Html be_told(const DeviceId& id);
/// The address of a check's page.
std::string check_address(const DeviceId& device, const VerdictRecord& verdict);

}  // namespace vigil::verifier::web
