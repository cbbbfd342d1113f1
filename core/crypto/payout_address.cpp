#include "core/crypto/payout_address.hpp"

#include <algorithm>

#include "core/crypto/keccak256.hpp"

namespace vigil {
namespace {

constexpr std::size_t digit_count = 2 * PayoutAddress::size;

bool is_lower(char c) { return c >= 'a' && c <= 'f'; }
bool is_upper(char c) { return c >= 'A' && c <= 'F'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

std::string to_checksum_text(const PayoutAddress& address) {
    std::string text = to_hex(address);
    const Hash hash = keccak256(ByteVector{text.begin(), text.end()});
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int nibble = i % 2 == 0 ? hash.bytes[i / 2] >> 4 : hash.bytes[i / 2] & 15;
        if (is_lower(text[i]) && nibble >= 8) text[i] = static_cast<char>(text[i] - 'a' + 'A');
    }
    return "0x" + text;
}

Expected<PayoutAddress, std::string> payout_address_from_text(std::string_view text) {
    const auto wrong = [](std::string why) { return tl::unexpected{std::move(why)}; };
    if (!text.starts_with("0x")) return wrong("a payout address starts with 0x");
    const std::string_view digits = text.substr(2);
    for (std::size_t i = 0; i < std::min(digits.size(), digit_count); ++i) {
        if (!is_digit(digits[i]) && !is_lower(digits[i]) && !is_upper(digits[i]))
            return wrong("character " + std::to_string(i + 3) +
                         " of the payout address is not a hexadecimal digit");
    }
    if (digits.size() != digit_count)
        return wrong("a payout address has 40 hexadecimal digits after 0x, this one has " +
                     std::to_string(digits.size()));
    PayoutAddress address;
    hex_into(digits, address.bytes);
    if (address == PayoutAddress{}) return wrong("the zero address cannot be paid");
    const bool mixed = std::any_of(digits.begin(), digits.end(), is_lower) &&
                       std::any_of(digits.begin(), digits.end(), is_upper);
    if (mixed && to_checksum_text(address) != text)
        return wrong(
            "the payout address fails its checksum: one of its digits or its capitals is mistyped");
    return address;
}

}  // namespace vigil
