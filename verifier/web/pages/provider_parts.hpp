#pragma once

#include "verifier/web/fleet.hpp"
#include "verifier/web/html.hpp"

namespace vigil::verifier::web {

/// The state of a provider: of its one device, or how many of several are online.
Html provider_state_html(const Fleet& fleet, std::uint32_t place);
/// Its most frequent models, the others on hover.
Html models_html(const FleetRecords& records, const FleetProvider& provider);

/// Its regions, each with the share of windows passed there.
Html regions_html(const FleetRecords& records, const FleetProvider& provider);
/// "not said" for those whose owner names none.
std::string region_name(const FleetRecords& records, const RegionPart& part);

}  // namespace vigil::verifier::web
