#pragma once

#include <string>
#include <string_view>

#include "proto/messages.hpp"

/// Checks of single fields, shared by the translations.
namespace vigil::wire {

inline tl::unexpected<Refusal> malformed(std::string what) {
    return tl::unexpected{Refusal{RefusalReason::malformed, std::move(what), {}, {}}};
}
inline tl::unexpected<Refusal> too_large(std::string_view what, std::size_t count,
                                         std::size_t limit) {
    return tl::unexpected{Refusal{RefusalReason::too_large,
                                  std::string{what} + ": " + std::to_string(count) +
                                      " where at most " + std::to_string(limit) + " are taken",
                                  {},
                                  {}}};
}

/// Text that people will read on a page or in a terminal: at most `limit` bytes, valid UTF-8
/// (shortest forms, no surrogates), no control characters (C0, C1, delete), none that turn the
/// reading direction. The error is a sentence about `field`.
Expected<std::string, Refusal> readable_text(std::string_view text, std::size_t limit,
                                             std::string_view field);

}  // namespace vigil::wire
