#include "verifier/web/query.hpp"

#include <charconv>

#include "core/base/bytes.hpp"
#include "verifier/web/html.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t most_bytes = 1'024, most_parts = 16;

std::optional<std::string> decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] == '%') {
            std::uint8_t byte{};
            if (i + 2 >= text.size() || !hex_into(text.substr(i + 1, 2), {&byte, 1}))
                return std::nullopt;
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

Expected<Query, Query::Error> Query::read(std::string_view text) {
    if (text.size() > most_bytes) return tl::unexpected{Error::too_long};
    Query out;
    for (std::size_t parts = 0; !text.empty(); ++parts) {
        if (parts == most_parts) return tl::unexpected{Error::malformed};
        const std::string_view part = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        const std::size_t equals = std::min(part.find('='), part.size());
        const auto name = decoded(part.substr(0, equals));
        const auto value = decoded(part.substr(std::min(equals + 1, part.size())));
        if (!name || !value) return tl::unexpected{Error::malformed};
        if (!name->empty()) out.values_.insert_or_assign(*name, *value);
    }
    return out;
}

std::string Query::text(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string{} : found->second;
}

Expected<std::optional<std::int64_t>, std::string> Query::number(std::string_view name,
                                                                 std::int64_t least,
                                                                 std::int64_t most) const {
    const std::string given = text(name);
    if (given.empty()) return std::optional<std::int64_t>{};
    std::int64_t value{};
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc{} || end != given.data() + given.size() || value < least || value > most)
        return tl::unexpected{std::string{name}
                                  .append(": expected a whole number from ")
                                  .append(std::to_string(least))
                                  .append(" to ")
                                  .append(std::to_string(most))
                                  .append(", got \"")
                                  .append(given.substr(0, 40))
                                  .append("\"")};
    return std::optional{value};
}

Query Query::with(std::string_view name, std::string value) const {
    Query out = *this;
    if (value.empty())
        out.values_.erase(std::string{name});
    else
        out.values_.insert_or_assign(std::string{name}, std::move(value));
    return out;
}

std::string Query::to_text() const {
    std::string out;
    for (const auto& [name, value] : values_)
        out.append(out.empty() ? "?" : "&")
            .append(percent_encoded(name))
            .append("=")
            .append(percent_encoded(value));
    return out;
}

}  // namespace vigil::verifier::web
