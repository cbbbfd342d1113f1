#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <vector>

#include "verifier/clock_guard.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/founding.hpp"
#include "verifier/outlets.hpp"
#include "verifier/replica.hpp"
#include "verifier/schedule.hpp"
#include "verifier/spot_starts.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {

/// What the timeline needs of its surroundings, and whom it tells. All but `draw` may be empty.
struct TimelineHooks {
    DrawDayKey draw;
    Stopwatch passed{};  ///< tells how long a commit took; empty: no time passes within a call
    /// Waits, bounded, until every answer received by then is committed; false: not yet. A window
    /// that could not be closed asks again for the same moment.
    std::function<bool(Instant received)> settle_answers;
    /// Up to when every answer received here was recorded or refused; empty: up to now. Asked for
    /// the verifier that closes, which may be another.
    std::function<Instant(Instant now)> settled_until;
    std::function<void(Milliseconds lag)> check_started;  ///< how late against the published start
    std::function<void(std::span<const VerdictRecord>)> judged_waiting;
    /// Parts of a closing or a settlement that were written, then that it is done.
    std::function<void(const OutcomePart&)> outcomes_written;
    std::function<void(const WindowClosing&)> window_closed;
    std::function<void(std::span<const DayRecord>)> days_written;
    std::function<void(const DaySettlement&)> day_settled;
};

struct TimelineOptions {
    std::string holder = "verifier";  ///< of the leases: this process among all on the store
    Milliseconds lease{15'000};
    /// After a window's end, for answers that are still on their way to the disk.
    Milliseconds grace{2'000};
    BooksOptions books{};
    int steps_per_call = 64;  ///< of closing and settling in one keep_books(): heartbeats go on
};

/// Everything a verifier does by the clock, without a clock or a thread of its own: a caller, real
/// or simulated, says what time it is. Survives any pause: checks that are over are not started,
/// windows and days are closed in order, each once. Of several verifiers on one store all start
/// checks and write heartbeats, and the one that holds the lease keeps the books (replica.hpp).
///
/// start_checks(), keep_books() and follow() may run on different threads, each by one caller at a
/// time. A StoreFailed leaves everything as it was; call again.
class Timeline {
public:
    /// The store must hold a genesis and a policy.
    Timeline(Store& store, Roster& roster, Schedule& schedule, Outlets outlets,
             TimelineOptions options, TimelineHooks hooks);

    /// Hands checks that have begun to the outlets. Reads the store at most once a window. Returns
    /// when to be called next, at the latest.
    Instant start_checks(Instant now);

    /// Heartbeats; and where the books are held, day keys, closing, settling
    /// (protocol 3.1, 5.9, 6.4, 8.6). The first call writes the first heartbeat before anything
    /// else. Closing and settling go on from call to call. Returns when to be called next, at the
    /// latest; `now` when there is more to do at once.
    Instant keep_books(Instant now);

    /// Instead of keep_books() while the clock cannot be believed: heartbeats and nothing else. The
    /// books are left to another.
    Instant stay_alive(Instant now);

    /// Shows roster and schedule what other verifiers wrote. Returns when to be called next. That
    /// the store lost rows is a StoreFailed, too, once: others then have gone on without them.
    Instant follow(Instant now);
    /// As of the last keep_books(): it is this one that closes windows. Any thread.
    bool keeps_books() const { return keeps_books_; }
    /// As of the last follow().
    std::size_t others_serving() const { return others_; }
    /// This clock − the database's, as of the last follow().
    Milliseconds ahead_of_database() const { return Milliseconds{ahead_ms_}; }

    /// At the end, when nothing is on its way to the store: another may keep the books at once.
    void leave() { replica_.leave(); }

    /// The clock went ahead by more than time passed, within what is believed (protocol 1.4). What
    /// runs at such a step loses its slack to it, so no heartbeat is written until the last one is
    /// more than heartbeat_gap_max behind: by its gap the record makes void what the step met (5.9
    /// a). Nothing is closed until then. For the thread of keep_books().
    void clock_stepped_ahead() { silent_ = beat_.has_value(); }

    /// All three, for one thread.
    Instant advance_to(Instant now);

    std::optional<WindowIndex> last_closed() const { return last_closed_; }
    std::optional<DayIndex> last_settled() const { return last_settled_; }

private:
    void enter(WindowIndex window);
    bool prepare_next();
    DevicesAfter devices_after() const;
    void add_newcomers();
    void start_fleet_checks(Instant now);
    void start_spot_checks(Instant now);
    void report_start(Instant start, Instant now) const;

    void begin_call(Instant now);
    Instant by_now() const;
    void serve(Instant now);
    void renew(Instant now);
    bool renewal_due(std::optional<Instant> last, Instant now) const;
    bool hold_books(Instant now);
    void give_books_back();
    Instant attend(Instant now);
    Instant close_and_settle(Instant now, bool due);
    Instant next_beat() const;
    bool beat_is_due(Instant now) const { return !beat_ || now >= next_beat(); }
    void beat(Instant now);
    void draw_keys(Instant now);
    bool begin_closing(Instant now);
    void begin_settling(DayIndex day, Instant now);
    void step_closing();
    void step_settling();
    std::optional<DayIndex> day_to_settle() const;
    void drop_steps();
    void judge_early(WindowIndex window);
    void tell(std::span<const VerdictRecord> verdicts) const;
    WindowIndex next_window() const;
    WindowIndex next_for_all() const;  ///< whoever closes it

    Store& store_;
    Roster& roster_;
    Schedule& schedule_;
    const Outlets outlets_;
    const TimelineOptions options_;
    const TimelineHooks hooks_;
    const Calendar calendar_;
    Replica replica_;
    std::atomic<std::size_t> others_{0};
    std::atomic<std::int64_t> ahead_ms_{0};
    std::atomic<bool> keeps_books_{false};
    std::optional<Instant> followed_;  ///< advance_to() only

    // start_checks() only
    std::optional<Instant> began_;
    Instant reached_;
    std::shared_ptr<const WindowPlan> plan_;
    std::size_t next_fleet_{};
    std::optional<SpotStarts> spots_;   ///< nothing: the window has no key
    std::optional<SpotStarts> coming_;  ///< of the next window, as far as prepared
    bool prepared_{};                   ///< nothing is left to do for the next window
    std::optional<std::uint64_t> known_version_;
    std::uint64_t started_of_{};  ///< Roster::readings()

    // keep_books() only
    Instant call_;             ///< its `now`
    Milliseconds call_began_;  ///< by `passed`
    /// The last heartbeat. They only ascend: time that is lived again, after a step back, keeps
    /// those and the gaps that it has, which may have decided something.
    std::optional<Instant> beat_;
    std::optional<Instant> renewed_;  ///< when the number was
    std::optional<Instant> asked_;    ///< when the books were renewed, or found held by another
    Instant settled_{};               ///< as the others were told
    bool recalled_{};                 ///< what follows is as of the taking of the books
    std::uint64_t recalled_of_{};     ///< Roster::readings()
    bool silent_{};                   ///< until a gap that is a verifier's fault
    std::optional<DayIndex> keys_through_;
    std::optional<WindowIndex> last_closed_;
    std::optional<DayIndex> last_settled_;
    std::optional<WindowCloser> closing_;  ///< under way, while the books are held
    std::optional<DaySettler> settling_;   ///< likewise
};

}  // namespace vigil::verifier
