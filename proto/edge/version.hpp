#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace vigil::edge {

/// "0.12.1-rc1" → {0, 12, 1, 0}: one to four numbers, ordered as versions are; what follows a - or
/// + is left out. Nothing for any other text.
std::optional<std::array<unsigned, 4>> version_numbers(std::string_view version);

}  // namespace vigil::edge
