#include "verifier/replay.hpp"

#include <algorithm>
#include <set>

#include "core/base/ids.hpp"
#include "core/schedule/beacon.hpp"
#include "verifier/answers.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/judging.hpp"
#include "verifier/replay_comparison.hpp"
#include "verifier/replay_record.hpp"
#include "verifier/replay_requests.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {
namespace {

using namespace replaying;

constexpr std::int64_t rows_a_page = 500;
constexpr std::size_t answers_a_write = 256;
/// A closing's transaction follows the time it is dated with; answers may slip in between.
constexpr Milliseconds closing_takes{5'000};
constexpr std::int64_t missing_closings_max = 10'000;
/// Above this many changed nodes the roster is read anew instead of node by node.
constexpr std::size_t refreshes_max = 16;
constexpr Instant end_of_time = instant_from_ms(std::int64_t{1} << 60);

class Replay {
public:
    Replay(Reader& record, const ReplayOptions& options)
        : record_{record},
          options_{options},
          store_{open_sqlite_store(options.scratch)},
          genesis_{found()},
          schedule_{*store_},
          calendar_{schedule_.calendar()},
          events_{record, calendar_.day_length(),
                  [this](int bucket, std::int64_t number) {
                      report_.differ([&] {
                          return "answer " + std::to_string(number) + " of bucket " +
                                 std::to_string(bucket) + " is missing in the record";
                      });
                  }},
          requests_{*store_, schedule_, report_} {
        read_roster();
    }

    ReplayReport run() {
        const auto last = record_.last_closed_window();
        WindowIndex window = calendar_.window_at(genesis_.founded);
        if (last) {
            progress_.of_windows = last->value - window.value + 1;
            for (auto page = record_.closed_windows(window, rows_a_page); !page.empty();
                 page = record_.closed_windows(window, rows_a_page))
                for (const ClosedWindow& closing : page) {
                    close_missing(window, closing);
                    close(closing);
                    window = closing.window + 1;
                }
        }
        report_.through = last;
        finish(window);
        return std::move(report_);
    }

private:
    /// What there is once for the network, all of it at the beginning: nothing reads a policy or a
    /// key before its day.
    Genesis found() {
        const auto genesis = record_.genesis();
        if (!genesis)
            throw StoreFailed{"the store holds no network yet: there is nothing to replay"};
        report_.network = genesis->network_name;
        const auto policies = record_.policies();
        if (policies.empty()) throw StoreFailed{"the store holds a genesis but no policy"};
        store_->write([&](Transaction& tx) {
            tx.found(*genesis);
            for (const PolicyRecord& policy : policies) tx.add_policy(policy);
        });
        report_.policies = std::ssize(policies);
        for (const PolicyRecord& policy : policies) verify(policy);
        copy_keys(network_id(genesis->network_name));
        return *genesis;
    }

    void verify(const PolicyRecord& record) {
        const auto policy = policy_from_canonical(record.canonical);
        if (!policy)
            throw StoreFailed{"the policy of day " + std::to_string(record.effective_day.value) +
                              " cannot be read: " + policy.error()};
        if (const PolicyHash hash = policy_hash(*policy); hash != record.hash)
            report_.differ([&] {
                return "the policy from day " + std::to_string(record.effective_day.value) +
                       ": the record says hash " + to_hex(record.hash) + ", its text has " +
                       to_hex(hash);
            });
    }

    void copy_keys(const NetworkId& network) {
        DayIndex first{INT64_MIN};
        for (auto page = record_.day_keys(first, rows_a_page); !page.empty();
             page = record_.day_keys(first, rows_a_page)) {
            first = page.back().day + 1;
            report_.day_keys += std::ssize(page);
            for (DayKeyRecord& key : page) {
                if (commit(network, key.day, key.key) != key.commit)
                    report_.differ([&] {
                        return "day " + std::to_string(key.day.value) +
                               ": its key is not the one that was committed to";
                    });
                key.revealed.reset();  // settling reveals it
            }
            store_->write([&](Transaction& tx) {
                for (const DayKeyRecord& key : page) tx.add_day_key(key);
            });
        }
    }

    void copy_heartbeats(DayIndex day) {
        const Span span = calendar_.span(day);
        const auto heartbeats = record_.heartbeats(span.begin, span.end);
        store_->write([&](Transaction& tx) {
            for (const Instant at : heartbeats) tx.add_heartbeat(0, at);
        });
        heartbeats_of_ = day;
    }

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
        if (heartbeats_of_ != day) copy_heartbeats(day);
        advance(closing.closed);
        for (const StoredAnswer& answer : events_.take_answers(
                 closing.closed, closing.closed + closing_takes,
                 [&](const StoredAnswer& a) { return counts_in(a, closing.window); }))
            apply(answer);
        write_answers();
        freshen();
        close_window(*store_, *roster_, schedule_, closing.window, closing.closed);
        ++report_.windows;
        compare_window(closing.window, false);
        if (calendar_.day_of(closing.window + 1) != day) settle(day, closing.closed);

        ++progress_.windows;
        progress_.answers = report_.answers;
        if (options_.progress) options_.progress(progress_);
    }

    void settle(DayIndex day, Instant closed) {
        const auto recorded = record_.settled_day(day);
        const SettledDay settled =
            settle_day(*store_, *roster_, schedule_, day, recorded ? recorded->settled : closed)
                .day;
        report_.days.push_back({.day = day, .recorded = {}, .replayed = settled.state_hash});
        store_->read([&](Reader& replayed) {
            const std::int64_t windows = calendar_.windows_per_day();
            compare_windows(record_.windows_of(day, windows), replayed.windows_of(day, windows),
                            name_device(), report_);
            if (recorded)
                compare_days(record_.days_of(day), replayed.days_of(day), name_device(), report_);
        });
        if (!recorded) {
            // The moment between closing the last window and settling is no difference.
            if (record_.last_closed_window() > calendar_.first_window(day + 1) - 1)
                report_.differ([&] {
                    return "day " + std::to_string(day.value) + ": the record never settled it";
                });
            return;
        }
        report_.days.back().recorded = recorded->state_hash;
        if (recorded->state_hash != settled.state_hash || recorded->devices != settled.devices)
            report_.differ([&] {
                return "day " + std::to_string(day.value) + ": state_hash: the record has " +
                       to_hex(recorded->state_hash) + " of " + std::to_string(recorded->devices) +
                       " devices, the replay " + to_hex(settled.state_hash) + " of " +
                       std::to_string(settled.devices);
            });
        const auto key = record_.day_key(day);
        if (key && !key->revealed)
            report_.differ([&] {
                return "day " + std::to_string(day.value) +
                       ": is settled, but its key was not revealed";
            });
    }

    void compare_window(WindowIndex window, bool open) {
        store_->read([&](Reader& replayed) {
            compare_verdicts(record_.verdicts_of(window), replayed.verdicts_of(window), open,
                             name_device(), report_);
        });
    }

    /// Everything after the last closed window, and what is compared once.
    void finish(WindowIndex next) {
        advance(end_of_time);
        write_answers();
        freshen();
        judge_waiting(*store_, *roster_, schedule_, next);
        const WindowIndex first = calendar_.window_at(genesis_.founded);
        for (WindowIndex window = next; window <= latest_claim_; ++window)
            compare_window(window, true);
        if (calendar_.first_window(calendar_.day_of(next)) < next) finish_day(next);
        store_->read([&](Reader& replayed) {
            // A calibration may be answered after its window was closed.
            for (WindowIndex window = first; window <= std::max(latest_claim_, next - 1); ++window)
                compare_verdicts(record_.calibration_verdicts_of(window),
                                 replayed.calibration_verdicts_of(window), window + 1 >= next,
                                 name_device(), report_);
            compare_nodes(record_.nodes(), replayed.nodes(), report_);
            compare_devices(record_.devices(), replayed.devices(), report_);
        });
        requests_.finish();
        report_.requests = requests_.count();
    }

    /// The closed windows of a day that is not over.
    void finish_day(WindowIndex next) {
        const DayIndex day = calendar_.day_of(next);
        store_->read([&](Reader& replayed) {
            const std::int64_t windows = calendar_.windows_per_day();
            compare_windows(record_.windows_of(day, windows), replayed.windows_of(day, windows),
                            name_device(), report_);
        });
    }

    void advance(Instant until) {
        while (auto event = events_.next(until))
            std::visit([this](const auto& one) { apply(one); }, *event);
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
            calibrates = calibrates || claim.kind == CheckKind::calibration;
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
                    roster_->set_calibrated(answer.device_of(verdict).id, verdict.judgement.rate);
        }
        waiting_.clear();
    }

    void read_roster() {
        judging_.reset();
        roster_.emplace(*store_);
        judging_.emplace(*store_, *roster_, schedule_);
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

    Reader& record_;
    const ReplayOptions& options_;
    ReplayReport report_;
    ReplayProgress progress_;
    std::unique_ptr<Store> store_;
    Genesis genesis_;
    Schedule schedule_;
    Calendar calendar_;
    RecordReader events_;
    Requests requests_;
    std::optional<Roster> roster_;
    std::optional<Judging> judging_;
    std::set<NodeId> stale_;
    std::vector<JudgedAnswer> waiting_;
    std::optional<DayIndex> heartbeats_of_;
    WindowIndex latest_claim_{-1};
};

}  // namespace

ReplayReport replay(Store& source, const ReplayOptions& options) {
    ReplayReport report;
    source.read([&](Reader& record) { report = Replay{record, options}.run(); });
    return report;
}

}  // namespace vigil::verifier
