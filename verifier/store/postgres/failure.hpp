#pragma once

#include <string>
#include <string_view>

namespace vigil::verifier::postgres {

/// Whether repeating the whole transaction may help after an error with this SQLSTATE:
/// serialisation failure, an unknown end, deadlock, lock timeout, a lost connection, a server that
/// is stopping, starting or has become a standby.
bool may_be_repeated(std::string_view state);

/// Whether it says that this server only reads.
bool is_standby(std::string_view state);

/// What to do about an error, for people.
const char* advice(std::string_view state);

/// Throws TryAgain, StoreAway or StoreFailed: the store, the engine's words, what to do.
[[noreturn]] void throw_failure(const std::string& store, std::string words,
                                std::string_view state);

}  // namespace vigil::verifier::postgres
