#pragma once

#include <source_location>
#include <string_view>

namespace vigil {

/// States an invariant. Always on; a broken one prints where and what, and aborts: a verifier that
/// has lost track of its own state must not go on deciding about money.
void require(bool holds, std::string_view what, std::source_location where = std::source_location::current());

}  // namespace vigil
