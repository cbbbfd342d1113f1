#include "proto/edge/html.hpp"

#include <cstdint>

namespace vigil::edge {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Bytes of the UTF-8 character at the front; 0: there is none.
std::size_t character_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const auto follows = [&](std::size_t i) {
        return i < text.size() && (byte(i) & 0xC0U) == 0x80U;
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first < 0xE0) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first < 0xF0) {
        if (!follows(1) || !follows(2)) return 0;
        const bool overlong = first == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = first == 0xED && byte(1) >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xF0 && first < 0xF5) {
        if (!follows(1) || !follows(2) || !follows(3)) return 0;
        return (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) >= 0x90) ? 0 : 4;
    }
    return 0;
}

/// The only place where text becomes markup.
void append_escaped(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length > 1) {
            out += text.substr(0, length);
            text.remove_prefix(length);
            continue;
        }
        const char c = text.front();
        text.remove_prefix(1);
        const auto byte = static_cast<std::uint8_t>(c);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else if (length == 0 || byte == 0x7F || (byte < 0x20 && c != '\n' && c != '\t'))
            out += replacement;
        else
            out += c;
    }
}

}  // namespace

Html::Html(std::string_view text) { append_escaped(markup_, text); }

void Html::open(Literal name, Attributes attributes) {
    (markup_ += '<') += name.text;
    for (const Attribute& attribute : attributes) {
        ((markup_ += ' ') += attribute.name.text) += "=\"";
        append_escaped(markup_, attribute.value);
        markup_ += '"';
    }
    markup_ += '>';
}

Html element(Literal name, Attributes attributes, std::initializer_list<Html> children) {
    Html out;
    out.open(name, attributes);
    for (const Html& child : children) out.markup_ += child.markup_;
    ((out.markup_ += "</") += name.text) += '>';
    return out;
}

Html leaf(Literal name, Attributes attributes) {
    Html out;
    out.open(name, attributes);
    return out;
}

std::string document(const Html& head, const Html& body) {
    std::string out = "<!doctype html>\n";
    return out.append(element("html", {{"lang", "en"}}, {head, body}).markup()).append("\n");
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
        } else {
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 0xFU];
        }
    }
    return out;
}

}  // namespace vigil::edge
