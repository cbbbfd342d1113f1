#include "core/base/encoder.hpp"

#include <array>

#include "core/base/require.hpp"
#include "core/crypto/keccak256.hpp"

namespace vigil {
namespace {

constexpr std::size_t tag_size = 32;

template <class Number>
void append_big_endian(ByteVector& out, Number value) {
    // At once, not byte by byte: an answer has thousands of numbers.
    std::array<std::uint8_t, sizeof(Number)> bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> 8 * (bytes.size() - 1 - i));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace

Encoder::Encoder(std::string_view tag) {
    require(tag.size() <= tag_size, "a tag has at most 32 bytes");
    written_.assign(tag.begin(), tag.end());
    written_.resize(tag_size);
}

Encoder& Encoder::u8(std::uint8_t value) {
    written_.push_back(value);
    return *this;
}

Encoder& Encoder::u32(std::uint32_t value) {
    append_big_endian(written_, value);
    return *this;
}

Encoder& Encoder::u64(std::uint64_t value) {
    append_big_endian(written_, value);
    return *this;
}

Encoder& Encoder::u128(vigil::u128 value) {
    append_big_endian(written_, value);
    return *this;
}

Encoder& Encoder::bytes(ByteSpan value) {
    written_.insert(written_.end(), value.begin(), value.end());
    return *this;
}

Hash Encoder::hash() const { return keccak256(written_); }

}  // namespace vigil
