#include "core/base/encoder.hpp"

#include "core/base/require.hpp"
#include "core/crypto/keccak256.hpp"

namespace vigil {
namespace {

constexpr std::size_t tag_size = 32;

template <class Number>
void append_big_endian(ByteVector& out, Number value) {
    for (std::size_t shift = 8 * sizeof(Number); shift != 0;) {
        shift -= 8;
        out.push_back(static_cast<std::uint8_t>(value >> shift));
    }
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
