#pragma once

#include <array>
#include <cstdint>

namespace vigil::edge {

/// As IPv6 writes it, an IPv4 address as ::ffff:192.0.2.7, so that each has one form.
using PeerAddress = std::array<std::uint8_t, 16>;

PeerAddress mapped(const std::array<std::uint8_t, 4>& ipv4);
bool is_mapped(const PeerAddress& address);

/// Who is counted as one where an address has a share: an IPv4 address, or the first half of an
/// IPv6 address, because a site gets at least as many addresses as the other half tells apart.
PeerAddress counted_as_one(PeerAddress address);

/// Of this machine itself.
bool is_loopback(const PeerAddress& address);

}  // namespace vigil::edge
