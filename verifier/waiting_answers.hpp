#pragma once

#include <functional>
#include <span>

#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// Judges the answers that were recorded while the window before theirs was still open, with
/// baselines as of that one. For `window` = the last closed one + 1 (or the network's first).
/// `told`: of the verdicts, part by part, after their commit.
void judge_waiting(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                   const std::function<void(std::span<const VerdictRecord>)>& told);

/// The same for one bucket of a window whose closing has begun, by the store alone. `guard`: called
/// first in each transaction. Throws StoreFailed for an answer to no check: the store is damaged,
/// and the window stays open.
void judge_all_waiting(Store& store, Schedule& schedule, WindowIndex window, std::uint8_t bucket,
                       const std::function<void(Transaction&)>& guard,
                       const std::function<void(std::span<const VerdictRecord>)>& told);

}  // namespace vigil::verifier
