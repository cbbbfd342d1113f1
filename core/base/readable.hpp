#pragma once

#include <string>

#include "core/base/ppm.hpp"
#include "core/base/u128.hpp"

namespace vigil {

/// Numbers for people, in the sentences that explain a verdict. Exact, never rounded, never parsed
/// back.

/// "2,609,856,920"
std::string grouped(u128 value);
/// "70 %", "2.5 %"
std::string percent(Ppm ratio);
/// "2.297355", "4": a ratio as a factor, without trailing zeros.
std::string factor(Ppm ratio);

}  // namespace vigil
