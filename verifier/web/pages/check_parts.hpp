#pragma once

#include "verifier/web/check_file.hpp"
#include "verifier/web/html.hpp"

namespace vigil::verifier::web {

/// k, W, R, baseline and what they mean.
Html raw_values(const CheckRow& row);
/// The nonces that were sent, each with its hash; the largest hash decides W.
Html sent_nonces(const Site& site, const CheckFile& file);
/// The verifier's receipt, with the commands that verify it.
Html receipt(const Site& site, const CheckFile& file);
/// What the challenge was made from.
Html derivation(const Site& site, const CheckRow& row, const DeviceId& device);
/// The commands that compute this check again.
Html audit_commands(const DeviceId& device, DayIndex day);

}  // namespace vigil::verifier::web
