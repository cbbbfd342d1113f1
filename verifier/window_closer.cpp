#include "verifier/window_closer.hpp"

#include <algorithm>
#include <iterator>

#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t buckets_added_up_at_once = 16;

/// Protocol 8.6: the baselines of a day's end are those after its last window.
void require_settled(Reader& reader, const Calendar& calendar, WindowIndex window) {
    const auto last = reader.last_closed_window();
    if (!last || *last != window - 1) return;
    const DayIndex day = calendar.day_of(*last);
    if (day == calendar.day_of(window) || reader.settled_day(day)) return;
    throw StoreFailed{"window " + std::to_string(window.value) + " cannot be closed before day " +
                      std::to_string(day.value) +
                      ", which ended with the window before, is settled"};
}

}  // namespace

WindowCloser::WindowCloser(Store& store, Schedule& schedule, WindowIndex window, Instant now,
                           BooksOptions options, ClosingHooks hooks)
    : store_{store},
      schedule_{schedule},
      now_{now},
      options_{std::move(options)},
      hooks_{std::move(hooks)},
      across_buckets_{store.writes_across_buckets()},
      closing_{.window = window, .closed = now, .outcomes = {}} {}

bool WindowCloser::step() { return (this->*next_)(); }

bool WindowCloser::begin() {
    const WindowIndex window = closing_.window;
    bool closed = false;
    store_.write(options_.guarded([&](Transaction& tx) {
        const auto last = tx.last_closed_window();
        closed = last && *last >= window;
        if (closed) return;
        // From now on nobody enrols into it either.
        tx.hold_enrolments();
        require_settled(tx, schedule_.calendar(), window);
        tx.begin_closing(window, now_);
        closing_.closed = tx.last_closing().value().closed;
    }));
    if (closed) return false;
    store_.await_writers();

    auto plan = schedule_.plan(window);
    std::vector<Instant> heartbeats;
    store_.read([&](Reader& reader) {
        heartbeats = reader.heartbeats(plan->span.begin, plan->span.end);
        buckets_ = reader.buckets_with_devices();
    });
    decision_.emplace(schedule_, std::move(plan), std::move(heartbeats), closing_.closed);
    next_ = &WindowCloser::count_bucket;
    return true;
}

bool WindowCloser::count_bucket() {
    if (at_ == buckets_.size()) {
        decision_->ask_about_the_fleet();
        at_ = 0;
        next_ = &WindowCloser::decide_bucket;
        return true;
    }
    const WindowIndex window = closing_.window;
    const std::uint8_t bucket = buckets_[at_];
    judge_all_waiting(store_, schedule_, window, bucket, options_.guard, hooks_.judged);
    std::vector<BooksDevice> devices;
    std::vector<JudgedCheck> checks;
    std::vector<std::int64_t> missed_before;
    store_.read([&](Reader& reader) {
        devices = reader.books_devices(bucket);
        checks = reader.judged_checks(bucket, window);
        missed_before = reader.devices_that_missed(bucket, window - 1,
                                                   schedule_.calendar().first_slot(window) - 1);
    });
    decision_->count(devices, checks, missed_before);
    ++at_;
    return true;
}

bool WindowCloser::decide_bucket() {
    if (!parts_.empty()) return write_part();
    if (at_ == buckets_.size()) {
        cut_part();
        if (!parts_.empty()) return write_part();
        at_ = 0;
        next_ = &WindowCloser::add_up;
        return true;
    }
    const std::uint8_t bucket = buckets_[at_];
    std::vector<OutcomePart> decided;
    store_.read([&](Reader& reader) {
        decided.assign(1, {});
        const auto written = reader.devices_with_outcome(bucket, closing_.window);
        const auto checks = reader.judged_checks(bucket, closing_.window);
        for (const BooksDevice& device : reader.books_devices(bucket)) {
            const std::int64_t number = device.ref.number;
            if (std::ranges::binary_search(written, number)) continue;
            const std::size_t waiting = decided.size() == 1 ? part_.rows() : 0;
            if (waiting + decided.back().rows() >= options_.rows_per_write) decided.emplace_back();
            decision_->decide(reader, device, checks_of(checks, number), decided.back());
        }
    });
    for (OutcomePart& one : decided) {
        part_.append(std::move(one));
        if (part_.rows() >= options_.rows_per_write) cut_part();
    }
    if (!across_buckets_) cut_part();
    ++at_;
    return true;
}

void WindowCloser::cut_part() {
    if (part_.rows() > 0) parts_.push_back(std::move(part_));
    part_ = {};
}

bool WindowCloser::write_part() {
    // What is lost of these is decided again: the books are as they were before.
    const OutcomePart& part = parts_.front();
    store_.write_redoable(options_.guarded([&](Transaction& tx) {
        tx.add_outcomes(closing_.window, part.missed, part.voids, part.windows);
    }));
    for (const WindowRecord& record : part.windows) ++closing_.outcomes[record.outcome];
    if (hooks_.written) hooks_.written(part);
    parts_.pop_front();
    return true;
}

/// From the store, because another process may have written some of it.
bool WindowCloser::add_up() {
    if (at_ == buckets_.size()) {
        next_ = &WindowCloser::finish;
        return true;
    }
    const std::size_t end = std::min(at_ + buckets_added_up_at_once, buckets_.size());
    std::vector<WindowOfDay> outcomes;
    store_.read([&](Reader& reader) {
        outcomes.clear();
        for (std::size_t i = at_; i < end; ++i)
            std::ranges::move(reader.outcomes_in(buckets_[i], closing_.window),
                              std::back_inserter(outcomes));
    });
    for (const WindowOfDay& one : outcomes)
        sum_.add(one.outcome, one.roll_call_rate, one.roll_call_valid);
    at_ = end;
    return true;
}

bool WindowCloser::finish() {
    store_.write(options_.guarded([&](Transaction& tx) {
        tx.add_window_totals(sum_.of(closing_.window));
        tx.finish_closing(closing_.window);
    }));
    return false;
}

WindowClosing close_window(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                           Instant now) {
    WindowCloser closer{store, schedule, window, now, {}, {}};
    while (closer.step()) {
    }
    roster.refresh_baselines();
    return closer.closing();
}

}  // namespace vigil::verifier
