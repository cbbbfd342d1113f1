#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/base/u128.hpp"

namespace vigil {

/// Writes a tagged, fixed-width structure as protocol 1.2 and 1.3 define it: the tag padded to 32
/// bytes, then big-endian fields in the order of the calls. A tag longer than 32 bytes is a broken
/// invariant.
class Encoder {
public:
    explicit Encoder(std::string_view tag);

    Encoder& u8(std::uint8_t value);
    Encoder& u32(std::uint32_t value);
    Encoder& u64(std::uint64_t value);
    Encoder& u128(vigil::u128 value);
    Encoder& bytes(ByteSpan value);

    const ByteVector& written() const { return written_; }
    /// keccak-256 of everything written.
    Hash hash() const;

private:
    ByteVector written_;
};

}  // namespace vigil
