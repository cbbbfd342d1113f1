#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verifier/answers.hpp"

namespace vigil::verifier {

/// One to four dotted numbers; what follows "-" or "+" does not count.
bool is_version(std::string_view version);

/// A refusal when `version` is older than `minimum`: compared number by number, missing ones zero.
/// A version that cannot be read is too old. `minimum` is one (is_version), or empty, which takes
/// everybody.
std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum);

}  // namespace vigil::verifier
