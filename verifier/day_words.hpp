#pragma once

#include <string>

#include "core/base/instant.hpp"
#include "core/base/micro.hpp"

namespace vigil::verifier {

/// "14:00:00", UTC.
std::string time_of_day(Instant t);
/// "2026-01-31", UTC.
std::string date(Instant t);
/// "10.32 credits"
std::string credits(Micro amount);

}  // namespace vigil::verifier
