#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "verifier/answers.hpp"

namespace vigil::verifier {

/// One to four dotted numbers; what follows "-" or "+" does not count.
bool is_version(std::string_view version);

/// What an operator asks of nodes. Empty: nothing.
struct NodeVersions {
    std::string minimum;      ///< is_version(); older nodes are refused
    std::string recommended;  ///< is_version(); older nodes are told
    std::string by;           ///< the day, "2026-12-01", by which nodes should be `recommended`
};

/// Compared number by number, missing ones zero. What cannot be read is older than anything; than
/// an empty one nothing is older.
bool is_older(std::string_view version, std::string_view than);

/// A refusal when `version` is older than `minimum`.
std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum);

}  // namespace vigil::verifier
