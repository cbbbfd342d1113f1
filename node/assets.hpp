#pragma once

#include <span>
#include <string>
#include <string_view>

#include "proto/edge/asset.hpp"

namespace vigil::node {

using edge::Asset;
std::span<const Asset> assets();

/// /assets/NAME?v=VERSION: a content that changes has another address, so browsers keep each for
/// ever.
std::string asset_address(std::string_view name);

}  // namespace vigil::node
