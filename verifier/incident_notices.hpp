#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/edge/notice.hpp"
#include "verifier/incidents.hpp"

namespace vigil::verifier {

/// What an operator is told, as pure functions of what is known. `source`: "verifier of mynet".

/// At most one notice of what opened and one of what is over, whatever the size of the network.
std::vector<edge::Notice> notices_of(const IncidentReport& report, const std::string& source,
                                     Instant now);
/// Once a day, while some are open.
std::optional<edge::Notice> notice_going_on(const IncidentReport& latest, DayIndex settled,
                                            const std::string& source, Instant now);
/// This verifier itself is not ready, or is again.
edge::Notice notice_of_verifier(bool over, const std::string& why, Instant since,
                                const std::string& source, Instant now);

}  // namespace vigil::verifier
