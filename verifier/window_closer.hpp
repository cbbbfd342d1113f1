#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "verifier/waiting_answers.hpp"
#include "verifier/window_decision.hpp"

namespace vigil::verifier {

/// What the closing of a window came to, as far as this process wrote it.
struct WindowClosing {
    WindowIndex window;
    Instant closed;
    std::map<WindowOutcome, std::int64_t> outcomes;
};

/// How the books are written: closing and settling.
struct BooksOptions {
    /// Called first in every transaction; throws when this verifier may not write the books (it
    /// lost its lease). May be empty.
    std::function<void(Transaction&)> guard{};
    template <class Work>
    auto guarded(Work work) const {
        return [this, work](Transaction& tx) {
            if (guard) guard(tx);
            work(tx);
        };
    }
    /// In one transaction: some milliseconds, so that answers are committed in between.
    std::size_t rows_per_write = 256;
};

/// Whom a closing tells. May be empty.
struct ClosingHooks {
    std::function<void(std::span<const VerdictRecord>)> judged;  ///< answers that had waited
    std::function<void(const OutcomePart&)> written;             ///< after each part's commit
};

/// Closes a window (protocol 5.9, 6) step by step, each with at most one short write transaction,
/// so that it never holds up the path of an answer and the caller can do what is due in between:
///
/// 1. "The closing began", with the time it is dated with. From that commit on no answer takes a
///    check of the window and nobody enrols into it: the record is frozen.
/// 2. Each bucket: judges what waits, counts who missed.
/// 3. Each bucket: decides, writes. A device is written whole or not at all.
/// 4. Adds up what is written, for who shows the network's history.
/// 5. "The window is closed", which is when readers and the next window's baselines see it.
///
/// The window before must be closed (or this be the first), its day settled if it ended with it,
/// `now` be after the window's end, and a heartbeat recorded after its last deadline, else
/// everything in it is void.
///
/// Everything decided follows from the frozen record and the time of step 1. So after a crash
/// anywhere another WindowCloser goes on, several may work at once, and the rows are the same.
class WindowCloser {
public:
    WindowCloser(Store& store, Schedule& schedule, WindowIndex window, Instant now,
                 BooksOptions options, ClosingHooks hooks);

    /// Does a part; false: the window is closed. Throws StoreFailed, and what the guard throws;
    /// then take another WindowCloser.
    bool step();
    const WindowClosing& closing() const { return closing_; }

private:
    using Step = bool (WindowCloser::*)();
    bool begin();
    bool count_bucket();
    bool decide_bucket();
    bool write_part();
    bool add_up();
    bool finish();
    void cut_part();

    Store& store_;
    Schedule& schedule_;
    const Instant now_;
    const BooksOptions options_;
    const ClosingHooks hooks_;
    const bool across_buckets_;
    WindowClosing closing_;
    Step next_ = &WindowCloser::begin;
    std::vector<std::uint8_t> buckets_;
    std::size_t at_{};  ///< of buckets_
    std::optional<WindowDecision> decision_;
    OutcomePart part_;               ///< what is decided and not cut yet
    std::deque<OutcomePart> parts_;  ///< to be written
    WindowSum sum_;
};

/// All steps, then the roster's baselines are as of this window. Repeating it is harmless.
WindowClosing close_window(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                           Instant now);

}  // namespace vigil::verifier
