#pragma once

#include <string>
#include <string_view>

#include "core/policy/policy.hpp"

namespace vigil::edge {

/// A preset's name, or the path of a TOML policy file (protocol 9.1). Throws Fatal E-POLICY naming
/// the file, the line or the key, and what to do.
Policy load_policy(const std::string& preset_or_path);

/// TOML text to flattened values; tables become dotted keys. Throws Fatal E-POLICY.
PolicyValues policy_values_from_toml(std::string_view text, const std::string& origin);

}  // namespace vigil::edge
