#include "verifier/day_settler.hpp"

#include <algorithm>

#include "core/rewards/settlement.hpp"
#include "verifier/baselines.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t buckets_added_up_at_once = 8;

/// A window without a row was over before the device, or the network, was there.
std::vector<DayWindow> day_windows(const Calendar& calendar, DayIndex day,
                                   std::span<const WindowOfDay> rows) {
    std::vector<DayWindow> windows(static_cast<std::size_t>(calendar.windows_per_day()),
                                   {.outcome = WindowOutcome::unenrolled, .roll_call_rate = 0});
    for (const WindowOfDay& row : rows) {
        const std::int64_t at = row.window.value - calendar.first_window(day).value;
        windows.at(static_cast<std::size_t>(at)) = {.outcome = row.outcome,
                                                    .roll_call_rate = row.roll_call_rate};
    }
    return windows;
}

std::string reason_of(const DayResult& result, const StandingStep& step, const Policy& policy) {
    if (step.grace_used)
        return result.reason + "; a grace day covers it, " + std::to_string(step.after.grace_left) +
               " left";
    if (result.outcome != DayOutcome::down) return result.reason;
    std::uint32_t share = 0;
    for (const SlashTier& tier : policy.slash_tiers)
        if (tier.first_day == step.tier) share = tier.share.value;
    return result.reason + "; down day " + std::to_string(step.after.down_run) +
           " in a row, slashed " + to_credits(step.slashed) + " credits (" + std::to_string(share) +
           " ppm of the balance)";
}

}  // namespace

DaySettler::DaySettler(Store& store, const Schedule& schedule, DayIndex day, Instant now,
                       BooksOptions options, Written written)
    : store_{store},
      schedule_{schedule},
      calendar_{schedule.calendar()},
      day_{day},
      now_{now},
      options_{std::move(options)},
      written_{std::move(written)},
      across_buckets_{store.writes_across_buckets()},
      policy_{schedule.policy_on(day)},
      settlement_{.day = {.day = day, .state_hash = {}, .devices = 0, .settled = now},
                  .outcomes = {},
                  .credited = {},
                  .slashed = {}} {}

bool DaySettler::step() { return (this->*next_)(); }

bool DaySettler::begin() {
    std::optional<SettledDay> known;
    store_.read([&](Reader& reader) {
        known = reader.settled_day(day_);
        buckets_ = reader.buckets_with_devices();
        const WindowIndex last = calendar_.first_window(day_ + 1) - 1;
        const auto closing = reader.last_closing();
        if (!known && (reader.last_closed_window() != last || closing->window != last))
            throw StoreFailed{"day " + std::to_string(day_.value) +
                              " cannot be settled: it is settled right after its last window, " +
                              std::to_string(last.value) + ", is closed"};
    });
    if (known) {
        settlement_.day = *known;
        return false;
    }
    next_ = &DaySettler::settle_bucket;
    return true;
}

DayRecord DaySettler::record_of(Reader& reader, const BooksDevice& device,
                                std::span<const WindowOfDay> windows,
                                const Standing& before) const {
    const DayResult result =
        day_result(*policy_,
                   {.day = day_,
                    .programme_start = schedule_.genesis().programme_start_day,
                    .enrolment_day = calendar_.day_at(device.enrolled) == day_ ||
                                     calendar_.day_at(device.active_from) == day_},
                   day_windows(calendar_, day_, windows));
    const StandingStep stepped = vigil::step(before, result.outcome, result.credit, *policy_);
    return {.device = device.ref,
            .day = day_,
            .outcome = result.outcome,
            .counted = result.counted,
            .multiplier = result.multiplier,
            .rate = result.rate,
            .credit = result.credit,
            .slashed = stepped.slashed,
            .grace_used = stepped.grace_used,
            .tier = stepped.tier,
            .after = stepped.after,
            .baseline =
                baseline_for(reader, device, calendar_.span(day_).end, calendar_.window_length()),
            .reason = reason_of(result, stepped, *policy_)};
}

bool DaySettler::settle_bucket() {
    if (!parts_.empty()) return write_part();
    if (at_ == buckets_.size()) {
        cut_part();
        if (!parts_.empty()) return write_part();
        at_ = 0;
        next_ = &DaySettler::add_up;
        return true;
    }
    const std::uint8_t bucket = buckets_[at_];
    std::vector<DayRecord> records;
    store_.read([&](Reader& reader) {
        records.clear();
        const auto written = reader.devices_with_day(bucket, day_);
        const auto windows = reader.windows_of_day(bucket, day_, calendar_.windows_per_day());
        const auto standings = reader.standings_in(bucket);
        for (const BooksDevice& device : reader.books_devices(bucket)) {
            const std::int64_t number = device.ref.number;
            if (device.enrolled >= calendar_.span(day_).end ||
                std::ranges::binary_search(written, number))
                continue;
            const auto own = std::ranges::equal_range(windows, number, {}, &WindowOfDay::device);
            const auto before = std::ranges::lower_bound(standings, number, {},
                                                         &std::pair<std::int64_t, Standing>::first);
            const bool known = before != standings.end() && before->first == number;
            records.push_back(record_of(reader, device, {own.begin(), own.end()},
                                        known ? before->second : Standing{}));
        }
    });
    for (DayRecord& record : records) {
        part_.push_back(std::move(record));
        if (part_.size() >= options_.rows_per_write) cut_part();
    }
    if (!across_buckets_) cut_part();
    ++at_;
    return true;
}

void DaySettler::cut_part() {
    if (!part_.empty()) parts_.push_back(std::move(part_));
    part_.clear();
}

bool DaySettler::write_part() {
    // What is lost of these is decided again: the books are as they were before.
    const std::vector<DayRecord>& part = parts_.front();
    store_.write_redoable(options_.guarded([&](Transaction& tx) { tx.add_days(day_, part); }));
    for (const DayRecord& record : part) {
        ++settlement_.outcomes[record.outcome];
        settlement_.credited += record.credit;
        settlement_.slashed += record.slashed;
    }
    if (written_) written_(part);
    parts_.pop_front();
    return true;
}

/// Over what is written, whoever wrote it.
bool DaySettler::add_up() {
    if (at_ == buckets_.size()) {
        next_ = &DaySettler::finish;
        return true;
    }
    const std::size_t end = std::min(at_ + buckets_added_up_at_once, buckets_.size());
    std::vector<DeviceState> states;
    store_.read([&](Reader& reader) {
        states.clear();
        for (std::size_t i = at_; i < end; ++i)
            std::ranges::move(reader.states_after(buckets_[i], day_), std::back_inserter(states));
    });
    states_.insert(states_.end(), states.begin(), states.end());
    at_ = end;
    return true;
}

bool DaySettler::finish() {
    std::ranges::sort(states_, {}, &DeviceState::device);
    SettledDay& settled = settlement_.day;
    settled.state_hash = state_hash(schedule_.network(), day_, states_);
    settled.devices = std::ssize(states_);
    SettledDay first;
    store_.write(options_.guarded([&](Transaction& tx) {
        tx.finish_settling(settled);
        if (tx.day_key(day_)) tx.reveal_day_key(day_, now_);
        first = tx.settled_day(day_).value();
    }));
    if (first.state_hash != settled.state_hash)
        throw StoreFailed{"day " + std::to_string(day_.value) + " was settled with state_hash " +
                          to_hex(first.state_hash) + ", and its records give " +
                          to_hex(settled.state_hash) +
                          ": the store was changed from outside or is damaged: stop the verifier, "
                          "restore the last copy of the store, and run audit on it"};
    settled = first;
    return false;
}

DaySettlement settle_day(Store& store, const Schedule& schedule, DayIndex day, Instant now) {
    DaySettler settler{store, schedule, day, now, {}, {}};
    while (settler.step()) {
    }
    return settler.settlement();
}

}  // namespace vigil::verifier
