#include "verifier/timeline.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/uptime/availability.hpp"

namespace vigil::verifier {
namespace {

constexpr std::int64_t key_days_ahead = 2;
/// A clock that steps back by less is waited for.
constexpr Milliseconds step_back_max{1'000};
constexpr Milliseconds follow_every{1'000};
/// Between an answer's arrival and its being counted as on its way.
constexpr Milliseconds arrival_margin{250};
constexpr Milliseconds after_a_loss{1'000};
constexpr std::size_t devices_prepared_at_once = 16'384;

}  // namespace

Timeline::Timeline(Store& store, Roster& roster, Schedule& schedule, Outlets outlets,
                   TimelineOptions options, TimelineHooks hooks)
    : store_{store},
      roster_{roster},
      schedule_{schedule},
      outlets_{std::move(outlets)},
      options_{options},
      hooks_{std::move(hooks)},
      calendar_{schedule.calendar()},
      replica_{store, options_.holder, options_.lease} {
    store_.read([&](Reader& reader) {
        last_closed_ = reader.last_closed_window();
        last_settled_.reset();
        if (const auto settled = reader.last_settled_day()) last_settled_ = settled->day;
    });
}

Instant Timeline::advance_to(Instant now) {
    if (!followed_ || now >= *followed_ + follow_every || now < *followed_) {
        follow(now);
        followed_ = now;
    }
    const Instant books = keep_books(now);
    return std::min(books, start_checks(now));
}

Instant Timeline::follow(Instant now) {
    // First, because the rest may take seconds and `now` is from before it.
    const Replica::Others others = replica_.others();
    others_ = others.serving;
    ahead_ms_ = (now - others.database_time).count();
    roster_.follow();
    if (auto loss = roster_.take_loss()) throw StoreFailed{*std::move(loss)};
    schedule_.follow_policies();
    return now + follow_every;
}

Instant Timeline::start_checks(Instant now) {
    if (!began_) began_ = now;
    const WindowIndex window = calendar_.window_at(now);
    const bool stepped_back = now + step_back_max < reached_;
    const std::uint64_t readings = roster_.readings();
    const bool read_anew = readings != started_of_;
    if (read_anew) {
        coming_.reset();  // of devices that may be others now
        began_ = now;
    }
    if (!plan_ || plan_->window != window || !plan_->key || stepped_back || read_anew)
        enter(window);
    started_of_ = readings;
    reached_ = now;
    start_fleet_checks(now);
    add_newcomers();
    start_spot_checks(now);

    Instant next = plan_->span.end;
    if (next_fleet_ < plan_->fleet.size()) next = std::min(next, plan_->fleet[next_fleet_].start);
    if (const auto spot = spots_ ? spots_->next() : std::nullopt) next = std::min(next, spot->at);
    return next > now && prepare_next() ? now : next;
}

void Timeline::enter(WindowIndex window) {
    plan_ = schedule_.plan(window);
    next_fleet_ = 0;
    known_version_.reset();
    spots_.reset();
    if (coming_ && coming_->plan().window == window && coming_->plan().key == plan_->key)
        spots_ = std::move(coming_);
    else if (plan_->key)
        spots_.emplace(plan_);
    coming_.reset();
    prepared_ = false;
}

/// Deriving the next window's starts takes a second for a million devices: done in parts while
/// nothing is due, so that its first checks are not late. True: there is more to prepare.
bool Timeline::prepare_next() {
    if (prepared_) return false;
    if (!coming_) {
        prepared_ = true;  // when it cannot be, all is derived as the window begins
        try {
            if (auto plan = schedule_.plan(plan_->window + 1); plan->key)
                coming_.emplace(std::move(plan));
        } catch (const StoreFailed&) {
            return false;
        }
        if (!coming_) return false;
    }
    prepared_ =
        coming_->add_from(devices_after(), devices_prepared_at_once) < devices_prepared_at_once;
    return !prepared_;
}

void Timeline::start_fleet_checks(Instant now) {
    for (; next_fleet_ < plan_->fleet.size(); ++next_fleet_) {
        const FleetCheck& check = plan_->fleet[next_fleet_];
        if (check.start > now) return;
        if (check.deadline < now) continue;
        if (outlets_.fleet_check) outlets_.fleet_check(*plan_, check);
        report_start(check.start, now);
    }
}

DevicesAfter Timeline::devices_after() const {
    return [this](std::uint8_t bucket, std::int64_t after, std::size_t most) {
        return roster_.devices_after(bucket, after, most);
    };
}

void Timeline::add_newcomers() {
    const std::uint64_t version = roster_.version();
    if (known_version_ == version || !spots_) return;
    known_version_ = version;
    spots_->add_from(devices_after(), std::numeric_limits<std::size_t>::max());
}

void Timeline::start_spot_checks(Instant now) {
    if (!spots_) return;
    for (auto due = spots_->next(); due && due->at <= now; due = spots_->next()) {
        spots_->take();
        const auto device = roster_.device(due->device);
        if (!device) continue;
        const std::uint64_t ref = static_cast<std::uint64_t>(plan_->window.value) * 256 + due->j;
        for (const ScheduledCheck& scheduled : schedule_.spot_checks_of(*device, *plan_)) {
            const Check& check = scheduled.check;
            if (check.ref != ref || check.start != due->at || check.deadline < now) continue;
            if (outlets_.device_check)
                outlets_.device_check(*device, scheduled, plan_->policy->spot);
            report_start(due->at, now);
        }
    }
}

void Timeline::report_start(Instant start, Instant now) const {
    // What began while nobody was there to start it is downtime, not lag.
    if (start >= *began_ && hooks_.check_started) hooks_.check_started(now - start);
}

Instant Timeline::keep_books(Instant now) {
    begin_call(now);
    serve(now);
    const bool due = beat_is_due(now);
    if (due) beat(now);
    if (silent_) {
        give_books_back();
        return attend(now);
    }
    try {
        if (hold_books(now)) return std::min(close_and_settle(now, due), attend(now));
    } catch (const LeaseLost&) {
        // Another verifier went on with it.
        drop_steps();
        replica_.lose_books();
        return std::min(now + after_a_loss, attend(now));
    }
    return attend(now);
}

void Timeline::begin_call(Instant now) {
    call_ = now;
    if (hooks_.passed) call_began_ = hooks_.passed();
}

Instant Timeline::by_now() const {
    return hooks_.passed ? call_ + (hooks_.passed() - call_began_) : call_;
}

/// Number and settled answers: at their time, and when a window's end has passed, because whoever
/// closes it waits to be told.
void Timeline::serve(Instant now) {
    const Instant end = calendar_.span(next_for_all()).end;
    const bool awaited = settled_ < end && now >= end + arrival_margin;
    if (awaited || renewal_due(renewed_, now)) renew(now);
}

void Timeline::renew(Instant now) {
    const Instant settled = hooks_.settled_until ? hooks_.settled_until(now) : now;
    replica_.serve(settled - arrival_margin);
    settled_ = settled - arrival_margin;
    renewed_ = now;
}

bool Timeline::renewal_due(std::optional<Instant> last, Instant now) const {
    return !last || now < *last || now >= *last + replica_.renew_every();
}

/// Held, or taken, and what this knows is as of then.
bool Timeline::hold_books(Instant now) {
    const std::uint64_t readings = roster_.readings();
    if (readings != recalled_of_) {  // the store lost rows, perhaps of these
        recalled_ = false;
        keys_through_.reset();
    }
    const bool held = replica_.books() != nullptr;
    if (held && recalled_ && !renewal_due(asked_, now)) return true;
    if (!held && !renewal_due(asked_, now)) return false;
    if (!replica_.hold_books()) {
        asked_ = now;
        return false;
    }
    asked_ = now;
    if (held && recalled_) return true;
    drop_steps();
    recalled_ = false;
    store_.read([&](Reader& reader) {
        last_closed_ = reader.last_closed_window();
        last_settled_.reset();
        if (const auto settled = reader.last_settled_day()) last_settled_ = settled->day;
    });
    recalled_ = true;
    recalled_of_ = readings;
    return true;
}

Instant Timeline::attend(Instant now) {
    keeps_books_ = replica_.books() != nullptr;
    Instant next = std::min(next_beat(), *renewed_ + replica_.renew_every());
    if (asked_) next = std::min(next, *asked_ + replica_.renew_every());
    const Instant end = calendar_.span(next_for_all()).end;
    if (settled_ < end) next = std::min(next, std::max(end + arrival_margin, now + arrival_margin));
    return next;
}

Instant Timeline::close_and_settle(Instant now, bool due) {
    draw_keys(now);
    // A refresh that failed after a closing is made up for here.
    if (roster_.as_of() != last_closed_) roster_.refresh_baselines();
    if (due && !closing_) judge_early(next_window());
    for (int steps = 0; steps < options_.steps_per_call; ++steps) {
        if (settling_) {
            step_settling();
        } else if (closing_) {
            step_closing();
        } else if (const auto day = day_to_settle()) {
            begin_settling(*day, now);
        } else {
            const Instant closes = calendar_.span(next_window()).end + options_.grace;
            if (now <= closes) return std::min(next_beat(), closes + Milliseconds{1});
            if (!begin_closing(now)) return now + options_.grace;
        }
    }
    return now;
}

Instant Timeline::stay_alive(Instant now) {
    begin_call(now);
    serve(now);
    if (beat_is_due(now)) beat(now);
    give_books_back();
    return attend(now);
}

/// Whoever holds the books next begins again and finds what is written.
void Timeline::drop_steps() {
    closing_.reset();
    settling_.reset();
}

void Timeline::give_books_back() {
    drop_steps();
    replica_.give_books_back();
    asked_.reset();
}

WindowIndex Timeline::next_for_all() const {
    return std::max(next_window(), roster_.as_of() ? *roster_.as_of() + 1 : next_window());
}

WindowIndex Timeline::next_window() const {
    return last_closed_ ? *last_closed_ + 1 : calendar_.window_at(schedule_.genesis().founded);
}

Instant Timeline::next_beat() const {
    return *beat_ + (silent_ ? heartbeat_gap_max + Milliseconds{1} : heartbeat_every);
}

/// A heartbeat says that answers could be recorded at its time (protocol 5.9 a), so something is
/// committed first and it carries the time after that. `now` may lie within an outage that the
/// first commit waited for; what the second waits for is after the time it carries.
void Timeline::beat(Instant now) {
    renew(now);
    const Instant able = by_now();
    store_.write_punctual([&](Transaction& tx) { tx.add_heartbeat(replica_.number(), able); });
    beat_ = able;
    silent_ = false;
}

void Timeline::draw_keys(Instant now) {
    const DayIndex today = calendar_.day_at(now);
    const DayIndex through = today + key_days_ahead;
    if (keys_through_ && *keys_through_ >= through) return;
    draw_day_keys(*replica_.books(), schedule_.network(), today, through, now, hooks_.draw);
    keys_through_ = through;
}

std::optional<DayIndex> Timeline::day_to_settle() const {
    if (!last_closed_) return std::nullopt;
    const DayIndex day = calendar_.day_of(*last_closed_);
    const bool day_is_over = calendar_.day_of(*last_closed_ + 1) != day;
    if (day_is_over && (!last_settled_ || *last_settled_ < day)) return day;
    return std::nullopt;
}

bool Timeline::begin_closing(Instant now) {
    const WindowIndex window = next_window();
    // The void rule asks for a heartbeat after the last deadline (protocol 5.9 a).
    if (*beat_ < calendar_.span(window).end) beat(now);
    const Instant closes = calendar_.span(window).end + options_.grace;
    if (hooks_.settle_answers && !hooks_.settle_answers(closes)) return false;
    if (!replica_.others_settled(calendar_.span(window).end)) return false;
    closing_.emplace(*replica_.books(), schedule_, window, now, options_.books,
                     ClosingHooks{.judged =
                                      [this](std::span<const VerdictRecord> verdicts) {
                                          if (hooks_.judged_waiting)
                                              hooks_.judged_waiting(verdicts);
                                          tell(verdicts);
                                      },
                                  .written =
                                      [this](const OutcomePart& part) {
                                          if (hooks_.outcomes_written)
                                              hooks_.outcomes_written(part);
                                          tell(part.decided);
                                      }});
    return true;
}

/// What failed in the middle is begun again, and finds what is written.
void Timeline::step_closing() {
    try {
        if (closing_->step()) return;
    } catch (...) {
        closing_.reset();
        throw;
    }
    const WindowClosing closing = closing_->closing();
    closing_.reset();
    last_closed_ = closing.window;
    if (hooks_.window_closed) hooks_.window_closed(closing);
    roster_.refresh_baselines();
    judge_early(closing.window + 1);
}

void Timeline::begin_settling(DayIndex day, Instant now) {
    settling_.emplace(*replica_.books(), schedule_, day, now, options_.books, hooks_.days_written);
}

void Timeline::step_settling() {
    try {
        if (settling_->step()) return;
    } catch (...) {
        settling_.reset();
        throw;
    }
    const DaySettlement settlement = settling_->settlement();
    settling_.reset();
    last_settled_ = settlement.day.day;
    if (hooks_.day_settled) hooks_.day_settled(settlement);
}

void Timeline::judge_early(WindowIndex window) {
    judge_waiting(*replica_.books(), roster_, schedule_, window, [this](auto verdicts) {
        if (hooks_.judged_waiting) hooks_.judged_waiting(verdicts);
        tell(verdicts);
    });
}

void Timeline::tell(std::span<const VerdictRecord> verdicts) const {
    if (!outlets_.judged) return;
    for (const VerdictRecord& verdict : verdicts)
        if (const auto device = roster_.device(verdict.claim.device))
            outlets_.judged(*device, verdict);
}

}  // namespace vigil::verifier
