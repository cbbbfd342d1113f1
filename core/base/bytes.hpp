#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.hpp"

namespace vigil {

using ByteSpan = std::span<const std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

/// N bytes with a meaning of their own: a NodeId is not a DeviceId, although both are 32 bytes.
/// Compares as a big-endian number, which is the order the protocol uses everywhere (8.6).
template <std::size_t N, class Tag>
struct FixedBytes {
    static constexpr std::size_t size = N;
    std::array<std::uint8_t, N> bytes{};

    friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
    operator ByteSpan() const { return bytes; }  // NOLINT(google-explicit-constructor)
};

using Hash = FixedBytes<32, struct HashTag>;            ///< any keccak-256 result, big-endian u256
using NetworkId = FixedBytes<32, struct NetworkTag>;    ///< protocol 1.6
using NodeId = FixedBytes<32, struct NodeTag>;          ///< protocol 1.7
using DeviceId = FixedBytes<32, struct DeviceTag>;      ///< protocol 1.8
using PolicyHash = FixedBytes<32, struct PolicyTag>;    ///< protocol 9.1
using DayKey = FixedBytes<32, struct DayKeyTag>;        ///< K_d, secret until revealed (3.1)
using Commit = FixedBytes<32, struct CommitTag>;        ///< commit_d (3.1)
using Beacon = FixedBytes<32, struct BeaconTag>;        ///< protocol 3.3
using Challenge = FixedBytes<32, struct ChallengeTag>;  ///< protocol 3.6
using AnswerId = FixedBytes<32, struct AnswerTag>;      ///< protocol 4.3
using PublicKey = FixedBytes<32, struct PublicKeyTag>;  ///< Ed25519
using Signature = FixedBytes<64, struct SignatureTag>;  ///< Ed25519
using PayoutAddress = FixedBytes<20, struct PayoutTag>; ///< EVM address of a provider

/// Gives bytes of one meaning another one, where the protocol says so (a hash that *is* an id).
template <class To, std::size_t N, class Tag>
To as(const FixedBytes<N, Tag>& from) {
    static_assert(To::size == N);
    return To{from.bytes};
}

/// Lower-case hexadecimal without a prefix.
std::string to_hex(ByteSpan bytes);

/// Accepts exactly 2·out.size() hexadecimal digits, with or without "0x". False leaves `out` unspecified.
bool hex_into(std::string_view text, std::span<std::uint8_t> out);

/// The bytes of `text`, or a sentence that says what was expected and what came.
template <class Fixed>
Expected<Fixed, std::string> from_hex(std::string_view text) {
    Fixed out;
    if (hex_into(text, out.bytes)) return out;
    return tl::unexpected{"expected " + std::to_string(2 * Fixed::size) + " hexadecimal digits, got \"" +
                          std::string{text.substr(0, 80)} + "\""};
}

/// A value from bytes of outside origin: empty unless the length is exactly right.
template <class Fixed>
Expected<Fixed, std::string> from_bytes(std::string_view raw) {
    if (raw.size() != Fixed::size)
        return tl::unexpected{"expected " + std::to_string(Fixed::size) + " bytes, got " + std::to_string(raw.size())};
    Fixed out;
    std::memcpy(out.bytes.data(), raw.data(), raw.size());
    return out;
}

/// Hash functor for unordered maps keyed by ids. The keys are keccak results, so any eight bytes serve.
struct FirstBytes {
    template <std::size_t N, class Tag>
    std::size_t operator()(const FixedBytes<N, Tag>& id) const {
        static_assert(N >= sizeof(std::size_t));
        std::size_t out{};
        std::memcpy(&out, id.bytes.data(), sizeof out);
        return out;
    }
};

}  // namespace vigil
