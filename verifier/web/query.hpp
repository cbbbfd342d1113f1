#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/expected.hpp"

namespace vigil::verifier::web {

/// What follows the "?" of an address, decoded. At most 1,024 bytes and 16 parts.
class Query {
public:
    enum class Error : std::uint8_t { too_long, malformed };
    static Expected<Query, Error> read(std::string_view text);

    /// Empty when absent.
    std::string text(std::string_view name) const;
    /// Nothing when absent or empty; an error, with a sentence, when it is no whole number or not
    /// within [least, most].
    Expected<std::optional<std::int64_t>, std::string> number(std::string_view name,
                                                              std::int64_t least,
                                                              std::int64_t most) const;

    /// The same query with one value replaced (removed when empty), for links.
    Query with(std::string_view name, std::string value) const;
    /// "?a=b&c=d", or nothing.
    std::string to_text() const;

private:
    std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace vigil::verifier::web
