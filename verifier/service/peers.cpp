#include "verifier/service/peers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

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
    const std::string text{between_brackets(uri.substr(ipv6.size()))};
    edge::PeerAddress address{};
    if (::inet_pton(AF_INET6, text.c_str(), address.data()) != 1) return std::string{uri};
    return peer_text(address);
}

std::string peer_text(const edge::PeerAddress& address) {
    const edge::PeerAddress one = edge::counted_as_one(address);
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool of_ipv4 = edge::is_mapped(one);
    ::inet_ntop(of_ipv4 ? AF_INET : AF_INET6, one.data() + (of_ipv4 ? 12 : 0), text.data(),
                text.size());
    return std::string{of_ipv4 ? ipv4 : ipv6} + text.data();
}

std::optional<PeerSocket> peer_socket(const sockaddr_storage& from) {
    PeerSocket peer;
    if (from.ss_family == AF_INET6) {
        const auto& at = reinterpret_cast<const sockaddr_in6&>(from);
        std::memcpy(peer.address.data(), &at.sin6_addr, peer.address.size());
        peer.port = ntohs(at.sin6_port);
    } else if (from.ss_family == AF_INET) {
        const auto& at = reinterpret_cast<const sockaddr_in&>(from);
        std::array<std::uint8_t, 4> address{};
        std::memcpy(address.data(), &at.sin_addr, address.size());
        peer = {.address = edge::mapped(address), .port = ntohs(at.sin_port)};
    } else {
        return std::nullopt;
    }
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
        return PeerSocket{.address = edge::mapped(address), .port = port};
    }
    if (!host.starts_with(ipv6)) return std::nullopt;
    PeerSocket peer{.address = {}, .port = port};
    const std::string text{between_brackets(host.substr(ipv6.size()))};
    if (::inet_pton(AF_INET6, text.c_str(), peer.address.data()) != 1) return std::nullopt;
    return peer;
}

}  // namespace vigil::verifier
