#include "proto/edge/toml_text.hpp"

#include <fmt/format.h>

#include "proto/edge/files.hpp"

namespace vigil::edge {

toml::table parse_toml(std::string_view text, const std::string& origin, const std::string& code) {
    try {
        return toml::parse(text, origin);
    } catch (const toml::parse_error& error) {
        throw Fatal{
            exit_configuration, code,
            fmt::format("{}:{}: {}", origin, error.source().begin.line, error.description())};
    }
}

std::string place(const std::string& origin, const toml::node& node) {
    return fmt::format("{}:{}", origin, node.source().begin.line);
}

std::string toml_quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (byte < 0x20 || byte == 0x7F)
            out += fmt::format("\\u{:04x}", byte);
        else
            out += c;
    }
    return out += '"';
}

}  // namespace vigil::edge
