#include "verifier/replay.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/ids.hpp"
#include "core/schedule/beacon.hpp"
#include "verifier/answers.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/judging.hpp"
#include "verifier/replay_calibrations.hpp"
#include "verifier/replay_comparison.hpp"
#include "verifier/replay_copies.hpp"
#include "verifier/replay_record.hpp"
#include "verifier/replay_requests.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {
namespace {

using namespace replaying;

constexpr std::size_t answers_a_write = 256;
/// A closing's transaction follows the time it is dated with; answers may slip in between.
constexpr Milliseconds closing_takes{60'000};
constexpr std::int64_t missing_closings_max = 10'000;
/// Above this many changed nodes the roster is read anew instead of node by node.
constexpr std::size_t refreshes_max = 16;
constexpr Instant end_of_time = instant_from_ms(std::int64_t{1} << 60);

class Replay {
public:
    Replay(Reader& record, const ReplayOptions& options)
        : record_{&record},
          options_{options},
          store_{open_sqlite_store(options.scratch)},
          copies_{*store_, report_},
          genesis_{copies_.found(record)},
          schedule_{*store_},
          calendar_{schedule_.calendar()},
          events_{calendar_.window_length(),
                  [this](int bucket, std::int64_t number) {
                      report_.differ([&] {
                          return "answer " + std::to_string(number) + " of bucket " +
                                 std::to_string(bucket) + " is missing in the record";
                      });
                  }},
          requests_{*store_, schedule_, report_},
          window_{calendar_.window_at(genesis_.founded)},
          calibrations_{*store_, window_, name_device(), report_} {
        read_roster();
    }

    /// Replays the next closed window, or what is left when there is none; false: that was all.
    /// `record`: a snapshot that is as new as the one before, or newer.
    bool go_on(Reader& record) {
        record_ = &record;
        if (copies_.take_added(record)) schedule_.refresh_policies();
        events_.look_again(record);
        const auto closings = record.closed_windows(window_, 1);
        if (closings.empty()) {
            finish(window_);
            return false;
        }
        const WindowIndex first = calendar_.window_at(genesis_.founded);
        progress_.of_windows = record.last_closed_window()->value - first.value + 1;
        const ClosedWindow& closing = closings.front();
        if (unsettled_) compare_settlement(*std::exchange(unsettled_, std::nullopt));
        close_missing(window_, closing);
        close(closing);
        calibrations_.compare(*record_, closing.window - 1);
        window_ = closing.window + 1;
        return true;
    }

    ReplayReport take_report() { return std::move(report_); }

private:
    void close_missing(WindowIndex window, const ClosedWindow& next) {
        if (next.window.value - window.value > missing_closings_max)
            throw StoreFailed{"the record jumps from window " + std::to_string(window.value) +
                              " to " + std::to_string(next.window.value)};
        for (; window < next.window; ++window) {
            report_.differ([&] {
                return "window " + std::to_string(window.value) +
                       ": the record never closed it, but closed the one after it";
            });
            close({.window = window, .closed = next.closed});
        }
    }

    void close(const ClosedWindow& closing) {
        const DayIndex day = calendar_.day_of(closing.window);
        copies_.take_heartbeats(*record_, calendar_.span(closing.window));
        advance(closing.closed);
        for (const StoredAnswer& answer : events_.take_answers(
                 closing.closed,
                 closing.closed + std::min(closing_takes, calendar_.window_length()),
                 [&](const StoredAnswer& a) { return counts_in(a, closing.window); }))
            apply(answer);
        write_answers();
        freshen();
        close_window(*store_, *roster_, schedule_, closing.window, closing.closed);
        ++report_.windows;
        report_.through = closing.window;
        passed_ = closing.closed;
        compare_window(closing.window, false);
        if (calendar_.day_of(closing.window + 1) != day) settle(day, closing.closed);

        ++progress_.windows;
        progress_.answers = report_.answers;
        if (options_.progress) options_.progress(progress_);
    }

    void settle(DayIndex day, Instant closed) {
        const auto recorded = record_->settled_day(day);
        const SettledDay settled =
            settle_day(*store_, schedule_, day, recorded ? recorded->settled : closed).day;
        report_.days.push_back({.day = day, .recorded = {}, .replayed = settled.state_hash});
        store_->read([&](Reader& replayed) {
            const std::int64_t windows = calendar_.windows_per_day();
            compare_windows(record_->windows_of(day, windows), replayed.windows_of(day, windows),
                            name_device(), report_);
        });
        // A verifier settles a day after closing its last window, and before it closes another.
        if (recorded || record_->last_closed_window() > calendar_.first_window(day + 1) - 1)
            compare_settlement(settled);
        else
            unsettled_ = settled;
    }

    void compare_settlement(const SettledDay& replay) {
        const DayIndex day = replay.day;
        const auto recorded = record_->settled_day(day);
        if (!recorded) {
            report_.differ([&] {
                return "day " + std::to_string(day.value) + ": the record never settled it";
            });
            return;
        }
        store_->read([&](Reader& replayed) {
            compare_days(record_->days_of(day), replayed.days_of(day), name_device(), report_);
        });
        report_.days.back().recorded = recorded->state_hash;
        compare_settled(*recorded, replay, report_);
        const auto key = record_->day_key(day);
        if (key && !key->revealed)
            report_.differ([&] {
                return "day " + std::to_string(day.value) +
                       ": is settled, but its key was not revealed";
            });
    }

    /// Of an open window only what follows from answers: its closing may be under way, and have
    /// written some of the rest.
    std::vector<CheckRow> recorded_verdicts(WindowIndex window, bool open) {
        std::vector<CheckRow> rows = record_->verdicts_of(window);
        if (!open) return rows;
        std::erase_if(rows, [](const CheckRow& row) { return !row.verdict.received; });
        for (CheckRow& row : rows) row.voided.reset();
        return rows;
    }

    void compare_window(WindowIndex window, bool open) {
        store_->read([&](Reader& replayed) {
            compare_verdicts(recorded_verdicts(window, open), replayed.verdicts_of(window), open,
                             name_device(), report_);
        });
    }

    /// Everything after the last closed window, and what is compared once.
    void finish(WindowIndex next) {
        if (unsettled_ && record_->settled_day(unsettled_->day)) compare_settlement(*unsettled_);
        advance(end_of_time);
        write_answers();
        freshen();
        judge_waiting(*store_, *roster_, schedule_, next, {});
        for (WindowIndex window = next; window <= latest_claim_; ++window)
            compare_window(window, true);
        if (calendar_.first_window(calendar_.day_of(next)) < next) finish_day(next);
        calibrations_.finish(*record_, std::max(latest_claim_, next - 1), next - 1);
        store_->read([&](Reader& replayed) {
            compare_calibrations_issued(record_->latest_calibrations(),
                                        replayed.latest_calibrations(), name_device(), report_);
            compare_nodes(record_->nodes(), replayed.nodes(), report_);
            compare_devices(record_->devices(), replayed.devices(), report_);
        });
        requests_.finish();
        report_.requests = requests_.count();
    }

    /// The closed windows of a day that is not over.
    void finish_day(WindowIndex next) {
        const DayIndex day = calendar_.day_of(next);
        store_->read([&](Reader& replayed) {
            const std::int64_t windows = calendar_.windows_per_day();
            compare_windows(record_->windows_of(day, windows), replayed.windows_of(day, windows),
                            name_device(), report_);
        });
    }

    void advance(Instant until) {
        while (auto event = events_.next(until))
            std::visit(
                [this](const auto& one) {
                    if (passed_ && time_of(one) <= *passed_) note_late(time_of(one));
                    apply(one);
                },
                *event);
    }

    static Instant time_of(const EnrolmentEntry& entry) { return entry.received; }
    static Instant time_of(const CalibrationRecord& calibration) { return calibration.issued; }
    static Instant time_of(const StoredAnswer& answer) { return answer.received; }

    /// It came before a window was closed and was on the disk afterwards, so it counts for a later
    /// one; what it decides is compared all the same.
    void note_late(Instant when) {
        report_.note([&] {
            return "what was received at " + std::to_string(to_ms(when)) +
                   " ms was recorded after the closing of window " +
                   std::to_string((window_ - 1).value) + ", dated " +
                   std::to_string(to_ms(*passed_)) + " ms";
        });
    }

    void apply(const EnrolmentEntry& entry) {
        write_answers();
        freshen();
        if (const auto changed = requests_.apply(entry)) stale_.insert(*changed);
    }

    void apply(const CalibrationRecord& calibration) {
        write_answers();
        freshen_if_unknown(calibration.device);
        const auto device = roster_->device(calibration.device);
        if (!device) {
            report_.differ([&] {
                return "a calibration was issued to device " +
                       std::to_string(int{calibration.device.bucket}) + "/" +
                       std::to_string(calibration.device.number) + ", which never enrolled";
            });
            return;
        }
        requests_.apply(calibration, device->id);
        ++report_.calibrations;
        stale_.insert(device->node);
    }

    void apply(const StoredAnswer& stored) {
        freshen();
        ++report_.answers;
        const auto wrong = [&](const std::string& why) {
            report_.differ([&] { return "answer " + to_hex(stored.id) + ": " + why; });
        };
        const auto node = requests_.node(stored.node);
        if (!node) return wrong("its node never enrolled");
        const auto answer = answer_from_signed_bytes(schedule_.network(), stored.signed_bytes);
        if (!answer) return wrong("cannot be read: " + answer.error());
        const auto id = answer_id(stored.signed_bytes);
        if (id != stored.id) wrong("its bytes have the id " + to_hex(id));
        report_.proofs += std::ssize(answer->proofs);
        auto judged = judging_->judge({.node = *node,
                                       .answer = *answer,
                                       .signature = stored.signature,
                                       .received = stored.received});
        if (!judged) return wrong("would be refused: " + judged.error().message);
        bool calibrates = false;
        for (const CheckClaim& claim : judged->record.claims) {
            latest_claim_ = std::max(latest_claim_, claim.window);
            if (claim.kind != CheckKind::calibration) continue;
            calibrates = true;
            calibrations_.answered(claim.window);
        }
        waiting_.push_back(*std::move(judged));
        // A calibration judges what comes after it.
        if (calibrates || waiting_.size() >= answers_a_write) write_answers();
    }

    bool counts_in(const StoredAnswer& stored, WindowIndex window) {
        const auto answer = answer_from_signed_bytes(schedule_.network(), stored.signed_bytes);
        if (!answer) return false;
        return std::any_of(answer->proofs.begin(), answer->proofs.end(), [&](const Proof& proof) {
            const auto device = roster_->device(proof.device);
            if (!device) return false;
            const auto check = schedule_.find(*device, proof.challenge, stored.received);
            return check && check->claim.kind != CheckKind::calibration &&
                   check->claim.window == window;
        });
    }

    void write_answers() {
        if (waiting_.empty()) return;
        std::vector<AnswerFate> fates;
        store_->write([&](Transaction& tx) {
            fates.clear();
            for (const JudgedAnswer& answer : waiting_) fates.push_back(tx.record(answer.record));
        });
        for (std::size_t i = 0; i < waiting_.size(); ++i) {
            const JudgedAnswer& answer = waiting_[i];
            if (fates[i].kind != AnswerFate::Kind::recorded)
                report_.differ([&] {
                    return "answer " + to_hex(answer.record.id) +
                           ": its check was answered before or decided without it";
                });
            for (const VerdictRecord& verdict : answer.record.verdicts)
                if (verdict.claim.kind == CheckKind::calibration &&
                    verdict.judgement.verdict == Verdict::passed)
                    roster_->set_calibrated(answer.device_of(verdict).id,
                                            {answer.record.received, verdict.judgement.rate});
        }
        waiting_.clear();
    }

    void read_roster() {
        judging_.reset();
        roster_.emplace(*store_);
        judging_.emplace(*roster_, schedule_);
        stale_.clear();
    }

    void freshen() {
        if (stale_.size() > refreshes_max) return read_roster();
        for (const NodeId& node : stale_) roster_->refresh(node);
        stale_.clear();
    }

    void freshen_if_unknown(DeviceRef device) {
        if (!roster_->device(device)) freshen();
    }

    NameDevice name_device() {
        return [this](DeviceRef ref) {
            const auto device = roster_->device(ref);
            return "device " +
                   (device ? to_hex(device->id)
                           : std::to_string(int{ref.bucket}) + "/" + std::to_string(ref.number));
        };
    }

    Reader* record_;  ///< the snapshot that is read now
    const ReplayOptions& options_;
    ReplayReport report_;
    ReplayProgress progress_;
    std::unique_ptr<Store> store_;
    Copies copies_;
    Genesis genesis_;
    Schedule schedule_;
    Calendar calendar_;
    RecordReader events_;
    Requests requests_;
    std::optional<Roster> roster_;
    std::optional<Judging> judging_;
    std::set<NodeId> stale_;
    std::vector<JudgedAnswer> waiting_;
    WindowIndex window_;  ///< the next to be replayed
    WindowIndex latest_claim_{-1};
    std::optional<Instant> passed_;        ///< when the last replayed window was closed
    std::optional<SettledDay> unsettled_;  ///< replayed, but not in the record yet
    CalibrationVerdicts calibrations_;
};

}  // namespace

ReplayReport replay(Store& source, const ReplayOptions& options) {
    std::optional<Replay> replay;
    source.read([&](Reader& record) { replay.emplace(record, options); });
    for (bool more = true; more;)
        source.read([&](Reader& record) { more = replay->go_on(record); });
    return replay->take_report();
}

}  // namespace vigil::verifier
