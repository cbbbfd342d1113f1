#include "core/work/pow_hash.hpp"

#include <cstring>

#include "core/crypto/keccak256.hpp"

namespace vigil {

Hash pow_hash(const Challenge& challenge, std::uint64_t nonce) {
    // One block of 136 bytes: challenge (lanes 0–3), 24 zero bytes, the nonce big-endian (lane 7),
    // padding.
    std::uint64_t lanes[25]{};
    std::memcpy(lanes, challenge.bytes.data(), Challenge::size);
    lanes[7] = __builtin_bswap64(nonce);
    lanes[8] = 0x01;
    lanes[16] = std::uint64_t{0x80} << 56;
    keccak_f1600_fast(lanes);
    Hash out;
    std::memcpy(out.bytes.data(), lanes, Hash::size);
    return out;
}

Hash pow_hash_wide(const Challenge& challenge, const std::array<std::uint8_t, 32>& nonce) {
    std::array<std::uint8_t, 64> message{};
    std::memcpy(message.data(), challenge.bytes.data(), 32);
    std::memcpy(message.data() + 32, nonce.data(), 32);
    return keccak256(message);
}

}  // namespace vigil
