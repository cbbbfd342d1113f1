#include "proto/wire_fields.hpp"

namespace vigil::wire {
namespace {

struct CodePoint {
    char32_t value{};
    std::size_t length{};  ///< 0: not UTF-8
};

CodePoint first_code_point(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    const std::size_t length = lead >= 0xf8   ? 0
                               : lead >= 0xf0 ? 4
                               : lead >= 0xe0 ? 3
                               : lead >= 0xc0 ? 2
                                              : 0;
    if (length == 0 || text.size() < length) return {};
    char32_t value = lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) return {};
        value = value << 6 | (byte(i) & 0x3fU);
    }
    constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < smallest[length] || value > 0x10ffff || surrogate) return {};
    return {value, length};
}

bool unreadable(char32_t c) {
    const bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    const bool line_break = c == 0x2028 || c == 0x2029;
    const bool turns_direction = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
                                 c == 0x200e || c == 0x200f || c == 0x061c;
    return control || line_break || turns_direction;
}

}  // namespace

Expected<std::string, Refusal> readable_text(std::string_view text, std::size_t limit,
                                             std::string_view field) {
    if (text.size() > limit) return too_large(std::string{field} + " (bytes)", text.size(), limit);
    for (std::string_view rest = text; !rest.empty();) {
        const CodePoint next = first_code_point(rest);
        if (next.length == 0)
            return malformed(std::string{field} + ": not UTF-8 from byte " +
                             std::to_string(text.size() - rest.size()));
        if (unreadable(next.value))
            return malformed(std::string{field} + ": a control character at byte " +
                             std::to_string(text.size() - rest.size()));
        rest.remove_prefix(next.length);
    }
    return std::string{text};
}

}  // namespace vigil::wire
