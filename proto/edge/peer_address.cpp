#include "proto/edge/peer_address.hpp"

#include <algorithm>

namespace vigil::edge {
namespace {

constexpr std::array<std::uint8_t, 12> before_ipv4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t half = 8;

}  // namespace

PeerAddress mapped(const std::array<std::uint8_t, 4>& ipv4) {
    PeerAddress address{};
    std::copy(ipv4.begin(), ipv4.end(),
              std::copy(before_ipv4.begin(), before_ipv4.end(), address.begin()));
    return address;
}

bool is_mapped(const PeerAddress& address) {
    return std::equal(before_ipv4.begin(), before_ipv4.end(), address.begin());
}

PeerAddress counted_as_one(PeerAddress address) {
    if (!is_mapped(address)) std::fill(address.begin() + half, address.end(), std::uint8_t{0});
    return address;
}

bool is_loopback(const PeerAddress& address) {
    if (is_mapped(address)) return address[before_ipv4.size()] == 127;
    constexpr PeerAddress ipv6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return address == ipv6;
}

}  // namespace vigil::edge
