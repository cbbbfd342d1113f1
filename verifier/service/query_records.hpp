#pragma once

#include "verifier/store/store.hpp"
#include "vigil/v1/query.pb.h"

/// Rows of the store as the messages people read.
namespace vigil::verifier {

v1::CheckResult to_proto(const CheckRow& row);
v1::WindowSummary to_proto(const WindowRecord& window);
v1::DaySummary to_proto(const DayRecord& day);
v1::Standing to_proto(const Standing& standing);
v1::DayKey to_proto(const DayKeyRecord& key);  ///< the key itself only once revealed
v1::Device to_proto(const DeviceRecord& device, const NodeRecord& node);

/// What a settled day did to the balance; a day that did nothing gives nothing.
std::optional<v1::LedgerEntry> ledger_entry(const DayRecord& day);

}  // namespace vigil::verifier
