#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/schedule/challenge.hpp"
#include "core/work/proof.hpp"

namespace vigil {

/// The numbers are stored; never renumber. `voided` is the protocol's `void` (5.9).
enum class Verdict : std::uint8_t {
    passed = 1, below_rate = 2, late = 3, bad_proof = 4, missed = 5, voided = 6, maintenance = 7, busy = 8
};
std::string_view to_string(Verdict verdict);

/// What a verdict records besides the check itself (protocol 5.11).
struct Judgement {
    Verdict verdict{};
    std::uint64_t work{};      ///< W, hashes; 0 where none was measured
    std::uint64_t rate{};      ///< R, hashes per second
    std::uint64_t baseline{};  ///< hashes per second
    std::string reason;        ///< a sentence with the numbers compared
};

/// Judges a proof's nonces (protocol 5.3 to 5.7), hashing all of them. `baseline` as of the check.
Judgement judge(const Check& check, std::span<const std::uint64_t> nonces, Instant received, std::uint64_t baseline);

/// The part after the hashing, for vectors and for callers that already hold W of well-formed nonces.
Judgement judge_work(const Check& check, std::uint64_t work, Instant received, std::uint64_t baseline);

/// The judgement of a check nobody answered.
Judgement judge_missed(const Check& check, std::uint64_t baseline);

/// Exactly k, strictly ascending (protocol 5.3).
bool well_formed(std::span<const std::uint64_t> nonces, std::uint32_t k);

/// Protocol 5.6: the lower median of the last six of `roll_call_rates` (oldest first; rates of `passed` and
/// `below_rate` roll calls), or the calibration's rate while there are none; 0 with neither.
std::uint64_t baseline(std::span<const std::uint64_t> roll_call_rates, std::optional<std::uint64_t> calibration);

}  // namespace vigil
