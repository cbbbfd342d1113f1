#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "core/base/ppm.hpp"

namespace vigil {

/// The numbers are the protocol's (3.6).
enum class CheckKind : std::uint8_t {
    roll_call = 1,
    hourly = 2,
    spot = 3,
    calibration = 4,
    probe = 5
};
std::string_view to_string(CheckKind kind);

/// The rules of one kind of check (protocol 3.7).
struct CheckRule {
    std::uint32_t k{};
    Milliseconds work{};
    Milliseconds spread{};
    Milliseconds slack{};
    Ppm theta{};  ///< pass ratio; unused for a calibration

    constexpr Milliseconds length() const { return work + spread + slack; }
};

struct SlashTier {
    std::uint32_t first_day{};  ///< of a run of down days
    Ppm share{};
};

/// Every rule that decides money, as loaded from a policy file (protocol 9.1). Values are in range:
/// a Policy that exists was checked.
struct Policy {
    std::string name;
    Milliseconds day{};
    std::uint32_t windows_per_day{};
    std::uint32_t slots_per_window{};
    CheckRule roll_call, hourly, spot, calibration;
    std::uint32_t spots_per_window{};
    std::uint32_t max_missed_checks{};
    std::vector<Ppm> multiplier;  ///< windows_per_day + 1 entries
    Micro base_per_mhs;
    Ppm decay;
    std::uint32_t decay_days{};
    std::optional<Micro> daily_cap;  ///< absent: no cap; zero: nothing is paid
    std::uint32_t grace_every_days{};
    std::uint32_t grace_days{};
    std::vector<SlashTier> slash_tiers;
    std::uint32_t notice_days{};

    /// roll_call, hourly, spot or calibration; a probe has no rule here (rewards 1) and is a broken
    /// invariant.
    const CheckRule& rule(CheckKind kind) const;
};

/// A policy file, flattened: dotted key → value. What a TOML reader or a JSON vector hands over.
using PolicyNumbers = std::vector<std::int64_t>;
using PolicyPairs = std::vector<PolicyNumbers>;
using PolicyValue = std::variant<std::int64_t, std::string, PolicyNumbers, PolicyPairs>;
using PolicyValues = std::map<std::string, PolicyValue, std::less<>>;

/// Refuses an unknown key (with the nearest known one), a missing key, a wrong type, a value out of
/// range, a day that does not divide, a check that does not fit its slot. The sentence names the
/// key.
///
/// Ranges: name 1 to 64 of letters, digits, . _ - · day_ms 1,000 to 31 days · windows_per_day 1 to
/// 1,440 · slots_per_window 1 to 60 · k 3 to 4,096 · work_ms from 1, spread_ms and slack_ms from 0,
/// their sum below a slot for every kind · theta_ppm 1 to 10⁶ · spot.per_window 0 to 255 ·
/// max_missed_checks 0 to 1,000 · multiplier_ppm windows_per_day + 1 entries of 0 to 10⁹ ·
/// base_micro_per_mhs and daily_cap_micro 0 to 10¹⁸ · decay_ppm 0 to 10⁶ · decay_days 1 to 36,500 ·
/// grace_every_days 1 to 3,650 · grace_days 0 to 3,650 · notice_days 0 to 365 · slash_tiers 1 to
/// 100 pairs, days strictly ascending from 1, shares 0 to 10⁶.
Expected<Policy, std::string> policy_from_values(const PolicyValues& values);
PolicyValues to_values(const Policy& policy);

/// One `key=value` line per key, sorted, LF-ended (protocol 9.1), and its hash.
std::string canonical_text(const Policy& policy);
PolicyHash policy_hash(const Policy& policy);
/// Reads a canonical text back, for replay from the log.
Expected<Policy, std::string> policy_from_canonical(std::string_view text);

/// Presets that ship with the program; the first is the default.
std::vector<std::string_view> preset_names();
/// nullopt: no preset of that name.
std::optional<Policy> preset(std::string_view name);

}  // namespace vigil
