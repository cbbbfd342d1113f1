#pragma once

#include "verifier/service/parts.hpp"
#include "vigil/v1/query.pb.h"

/// The methods of QueryService as plain functions: fill the response, or say why not. They read the
/// store and throw StoreFailed.
namespace vigil::verifier::query {

using Outcome = std::optional<Refusal>;

Outcome list_day_keys(Parts&, const v1::ListDayKeysRequest&, v1::ListDayKeysResponse&);
Outcome list_beacons(Parts&, const v1::ListBeaconsRequest&, v1::ListBeaconsResponse&);
Outcome list_devices(Parts&, const v1::ListDevicesRequest&, v1::ListDevicesResponse&);
Outcome list_checks(Parts&, const v1::ListChecksRequest&, v1::ListChecksResponse&);
Outcome list_windows(Parts&, const v1::ListWindowsRequest&, v1::ListWindowsResponse&);
Outcome list_days(Parts&, const v1::ListDaysRequest&, v1::ListDaysResponse&);
Outcome get_standing(Parts&, const v1::GetStandingRequest&, v1::GetStandingResponse&);
Outcome list_ledger(Parts&, const v1::ListLedgerRequest&, v1::ListLedgerResponse&);
Outcome explain_day(Parts&, const v1::ExplainRequest&, v1::ExplainResponse&);

}  // namespace vigil::verifier::query
