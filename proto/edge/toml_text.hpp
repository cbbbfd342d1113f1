#pragma once

#include <string>
#include <string_view>
#include <toml++/toml.h>

namespace vigil::edge {

/// The document, or Fatal `code` as "origin:line: why". Pulls in toml++: for .cpp files only.
toml::table parse_toml(std::string_view text, const std::string& origin, const std::string& code);

/// "origin:line" of a key's value.
std::string place(const std::string& origin, const toml::node& node);

/// `text` as a TOML basic string, quotes included.
std::string toml_quoted(std::string_view text);

}  // namespace vigil::edge
