#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.hpp"

namespace vigil {

/// "0x" and 40 digits in the mixed-case checksum form of EIP-55.
std::string to_checksum_text(const PayoutAddress& address);

/// Reads an EVM address. Mixed case must carry the right EIP-55 checksum; all-lower and all-upper
/// case carry none and are accepted. The zero address is refused: nobody could be paid there. The
/// error is a sentence naming the first wrong thing.
Expected<PayoutAddress, std::string> payout_address_from_text(std::string_view text);

}  // namespace vigil
