#include "verifier/service/peers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstdint>

namespace vigil::verifier {
namespace {

constexpr std::string_view ipv4 = "ipv4:", ipv6 = "ipv6:";
constexpr std::string_view opening = "%5B", closing = "%5D";  // brackets, as in a URI

std::string_view between_brackets(std::string_view text) {
    if (text.starts_with(opening))
        text.remove_prefix(opening.size());
    else if (text.starts_with('['))
        text.remove_prefix(1);
    text = text.substr(0, std::min(text.find(closing), text.find(']')));
    return text.substr(0, text.find('%'));  // a zone, fe80::1%eth0
}

}  // namespace

std::string peer_of(std::string_view uri) {
    if (uri.starts_with(ipv4)) return std::string{uri.substr(0, uri.rfind(':'))};
    if (!uri.starts_with(ipv6)) return std::string{uri};
    const std::string address{between_brackets(uri.substr(ipv6.size()))};
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::string{uri};
    std::array<char, INET6_ADDRSTRLEN> text{};
    constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(mapped.begin(), mapped.end(), bytes.begin())) {
        ::inet_ntop(AF_INET, bytes.data() + mapped.size(), text.data(), text.size());
        return std::string{ipv4} + text.data();
    }
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return std::string{ipv6} + text.data();
}

}  // namespace vigil::verifier
