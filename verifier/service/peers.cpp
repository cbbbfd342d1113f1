#include "verifier/service/peers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
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

PeerSocket mapped(const std::array<std::uint8_t, 4>& ipv4_address, std::uint16_t port) {
    PeerSocket peer{.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, .port = port};
    std::copy(ipv4_address.begin(), ipv4_address.end(), peer.address.begin() + 12);
    return peer;
}

std::optional<PeerSocket> peer_socket(std::string_view uri) {
    const std::size_t colon = uri.rfind(':');
    std::uint16_t port{};
    const char* const end = uri.data() + uri.size();
    if (colon == std::string_view::npos) return std::nullopt;
    const auto [read, error] = std::from_chars(uri.data() + colon + 1, end, port);
    if (error != std::errc{} || read != end) return std::nullopt;
    const std::string_view host = uri.substr(0, colon);
    if (host.starts_with(ipv4)) {
        std::array<std::uint8_t, 4> address{};
        const std::string text{host.substr(ipv4.size())};
        if (::inet_pton(AF_INET, text.c_str(), address.data()) != 1) return std::nullopt;
        return mapped(address, port);
    }
    if (!host.starts_with(ipv6)) return std::nullopt;
    PeerSocket peer{.address = {}, .port = port};
    const std::string text{between_brackets(host.substr(ipv6.size()))};
    if (::inet_pton(AF_INET6, text.c_str(), peer.address.data()) != 1) return std::nullopt;
    return peer;
}

}  // namespace vigil::verifier
