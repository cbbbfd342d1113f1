#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/base/expected.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What the operator asked for; empty: whatever the store holds.
struct Founding {
    std::string network_name;
    std::optional<Policy> policy;
};

/// What became of it.
struct Founded {
    bool created{};                         ///< a new network
    std::optional<PolicyRecord> announced;  ///< a policy that will decide from its effective day on
};

/// Why a store cannot serve what was asked for, and what to do, as a sentence.
struct FoundingError {
    enum class Kind : std::uint8_t { network, policy };
    Kind kind{};
    std::string message;
};

/// At a verifier's start: writes the genesis and the first policy into an empty store, in force
/// from the day of `now`; in a network that exists announces a policy other than the latest
/// announced one, ahead by the largest `notice_days` of the one in force and those announced, and at
/// the earliest tomorrow (protocol 9.1). Refused: another
/// network's store, a new one without name or policy, a policy that changes the calendar (2.3).
Expected<Founded, FoundingError> found_network(Store& store, const Founding& wanted, Instant now);

using DrawDayKey = std::function<DayKey()>;

/// Draws, commits and stores the keys of days first … last that have none (protocol 3.1).
void draw_day_keys(Store& store, const NetworkId& network, DayIndex first, DayIndex last,
                   Instant now, const DrawDayKey& draw);

}  // namespace vigil::verifier
