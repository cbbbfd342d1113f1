#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vigil::verifier::web {

/// A file of assets/, inside the program.
struct Asset {
    std::string_view name;
    std::string_view content_type;
    std::string_view version;  ///< of its content
    std::string_view text;
};
std::span<const Asset> assets();

/// /assets/NAME?v=VERSION: a content that changes has another address, so browsers keep each for
/// ever.
std::string asset_address(std::string_view name);

}  // namespace vigil::verifier::web
