#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verifier/answers.hpp"

namespace vigil::verifier {

/// A refusal when `version` is older than `minimum`: dotted numbers, compared one by one, missing
/// ones zero; what follows "-" or "+" does not count. A version that cannot be read is too old. An
/// empty `minimum` takes everybody.
std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum);

}  // namespace vigil::verifier
