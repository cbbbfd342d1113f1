#include "proto/edge/version.hpp"

#include <charconv>

namespace vigil::edge {

std::optional<std::array<unsigned, 4>> version_numbers(std::string_view version) {
    version = version.substr(0, version.find_first_of("-+"));
    std::array<unsigned, 4> numbers{};
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

}  // namespace vigil::edge
