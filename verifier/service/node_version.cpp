#include "verifier/service/node_version.hpp"

#include <array>
#include <charconv>

#include "proto/edge/logging.hpp"

namespace vigil::verifier {
namespace {

using Numbers = std::array<unsigned, 4>;

std::optional<Numbers> numbers_of(std::string_view version) {
    version = version.substr(0, version.find_first_of("-+"));
    Numbers numbers{};
    for (unsigned& number : numbers) {
        const auto [end, error] =
            std::from_chars(version.data(), version.data() + version.size(), number);
        if (error != std::errc{}) return std::nullopt;
        version.remove_prefix(static_cast<std::size_t>(end - version.data()));
        if (version.empty()) return numbers;
        if (version.front() != '.') return std::nullopt;
        version.remove_prefix(1);
    }
    return std::nullopt;
}

}  // namespace

bool is_version(std::string_view version) { return numbers_of(version).has_value(); }

std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum) {
    if (minimum.empty()) return std::nullopt;
    const auto has = numbers_of(version);
    if (has && *has >= numbers_of(minimum).value_or(Numbers{})) return std::nullopt;
    return Refusal{RefusalReason::version_too_old,
                   "node version \"" + edge::for_log(version, 40) +
                       "\" where this verifier talks to " + minimum + " and newer: update the node",
                   {},
                   {}};
}

}  // namespace vigil::verifier
