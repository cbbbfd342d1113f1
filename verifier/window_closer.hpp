#pragma once

#include <vector>

#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// What the closing of a window decided.
struct WindowClosing {
    WindowIndex window;
    Instant closed;
    std::vector<WindowRecord> windows;  ///< one for each device enrolled before the window's end
    /// Final verdicts that did not come from an answer: missed, and what a rule made void.
    std::vector<VerdictRecord> decided;
};

/// Closes a window (protocol 5.9, 6): judges what waits, adds `missed`, applies the void rules,
/// decides the window of each device and saves, in one transaction; then the roster's baselines are
/// as of this window. The window before must be closed (or this be the first), `now` be after the
/// window's end, and a heartbeat recorded after its last deadline, else everything in it is void.
/// Repeating it is harmless and tells nothing. Throws StoreFailed; then nothing was closed.
///
/// Fleet fault (5.9 b) counts verdicts as they were judged, before any void: a fleet that stays
/// away is excused once, not for ever.
WindowClosing close_window(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                           Instant now);

/// Judges the answers that were recorded while the window before theirs was still open, with
/// baselines as of that one. For `window` = the last closed one + 1 (or the network's first).
/// Returns their verdicts.
std::vector<VerdictRecord> judge_waiting(Store& store, Roster& roster, Schedule& schedule,
                                         WindowIndex window);

}  // namespace vigil::verifier
