#pragma once

#include "verifier/store/sqlite/queries.hpp"

namespace vigil::verifier::sqlite {

/// Reader's functions on a connection; Base is Reader or Transaction.
template <class Base>
class Reading : public Base {
public:
    explicit Reading(Connection& db) : db_{db} {}

    std::optional<Genesis> genesis() override { return sqlite::genesis(db_); }
    std::vector<PolicyRecord> policies() override { return sqlite::policies(db_); }
    std::optional<DayKeyRecord> day_key(DayIndex d) override { return sqlite::day_key(db_, d); }
    std::vector<DayKeyRecord> day_keys(DayIndex first, std::int64_t limit) override {
        return sqlite::day_keys(db_, first, limit);
    }
    std::vector<Instant> heartbeats(Instant from, Instant to) override {
        return sqlite::heartbeats(db_, from, to);
    }
    std::vector<NodeRecord> nodes() override { return sqlite::nodes(db_); }
    std::vector<DeviceRecord> devices() override { return sqlite::devices(db_); }
    std::optional<NodeRecord> node(const NodeId& id) override { return sqlite::node(db_, id); }
    std::vector<DeviceRecord> devices_of(NodeRef node) override {
        return sqlite::devices_of(db_, node);
    }
    std::vector<EnrolmentEntry> enrolments(std::int64_t after_row, std::int64_t limit) override {
        return sqlite::enrolments(db_, after_row, limit);
    }
    std::vector<CalibrationRecord> latest_calibrations() override {
        return sqlite::latest_calibrations(db_);
    }
    std::vector<CalibrationRecord> latest_calibrations_of(NodeRef node) override {
        return sqlite::latest_calibrations_of(db_, node);
    }
    std::vector<std::pair<DeviceRef, std::uint64_t>> calibration_rates() override {
        return sqlite::calibration_rates(db_);
    }
    std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>> recent_roll_call_rates()
        override {
        return sqlite::recent_roll_call_rates(db_);
    }
    std::optional<WindowIndex> last_closed_window() override {
        return sqlite::last_closed_window(db_);
    }
    std::optional<SettledDay> last_settled_day() override { return sqlite::last_settled_day(db_); }
    std::optional<SettledDay> settled_day(DayIndex d) override {
        return sqlite::settled_day(db_, d);
    }
    std::vector<CheckRow> verdicts_of(WindowIndex w) override {
        return sqlite::verdicts_of(db_, w);
    }
    std::vector<StoredAnswer> unjudged_answers(WindowIndex w) override {
        return sqlite::unjudged_answers(db_, w);
    }
    std::vector<WindowRecord> windows_of(DayIndex d, std::int64_t windows_per_day) override {
        return sqlite::windows_of(db_, d, windows_per_day);
    }
    std::vector<std::pair<DeviceRef, Standing>> standings() override {
        return sqlite::standings(db_);
    }
    std::vector<CheckRow> checks(DeviceRef device, Page page) override {
        return sqlite::checks(db_, device, page);
    }
    std::vector<CheckRow> checks_in(DeviceRef device, WindowIndex w) override {
        return sqlite::checks_in(db_, device, w);
    }
    std::vector<WindowRecord> windows(DeviceRef device, Page page) override {
        return sqlite::windows(db_, device, page);
    }
    std::vector<DayRecord> days(DeviceRef device, Page page) override {
        return sqlite::days(db_, device, page);
    }
    std::optional<DayRecord> day(DeviceRef device, DayIndex d) override {
        return sqlite::day(db_, device, d);
    }
    std::optional<StoredAnswer> answer(const AnswerId& id, NodeRef node) override {
        return sqlite::answer(db_, id, node);
    }
    std::vector<StoredAnswer> answers(NodeRef node, Page page) override {
        return sqlite::answers(db_, node, page);
    }
    std::int64_t answer_count() override { return sqlite::answer_count(db_); }
    std::vector<ClosedWindow> closed_windows(WindowIndex first, std::int64_t limit) override {
        return sqlite::closed_windows(db_, first, limit);
    }
    std::vector<CalibrationRecord> calibrations(Instant from, Instant until) override {
        return sqlite::calibrations(db_, from, until);
    }
    std::vector<CheckRow> calibration_verdicts_of(WindowIndex w) override {
        return sqlite::calibration_verdicts_of(db_, w);
    }
    std::vector<StoredAnswer> answers_after(std::uint8_t bucket, std::int64_t after,
                                            std::int64_t limit) override {
        return sqlite::answers_after(db_, bucket, after, limit);
    }
    std::vector<DayRecord> days_of(DayIndex d) override { return sqlite::days_of(db_, d); }

protected:
    Connection& db_;
};

using SqliteReader = Reading<Reader>;

class SqliteTransaction final : public Reading<Transaction> {
public:
    using Reading::Reading;

    void found(const Genesis& ours) override { sqlite::found(db_, ours); }
    void add_policy(const PolicyRecord& policy) override { sqlite::add_policy(db_, policy); }
    void add_day_key(const DayKeyRecord& day_key) override { sqlite::add_day_key(db_, day_key); }
    void reveal_day_key(DayIndex d, Instant revealed) override {
        sqlite::reveal_day_key(db_, d, revealed);
    }
    void add_heartbeat(std::uint32_t replica, Instant at) override {
        sqlite::add_heartbeat(db_, replica, at);
    }
    void enrol(const EnrolmentEntry& entry, NodeRecord& node,
               std::vector<DeviceRecord>& devices) override {
        sqlite::enrol(db_, entry, node, devices);
    }
    void retire(const EnrolmentEntry& entry, DeviceRef device, DayIndex retired_from,
                std::uint64_t sequence) override {
        sqlite::retire(db_, entry, device, retired_from, sequence);
    }
    void add_calibration(const CalibrationRecord& calibration,
                         const std::optional<EnrolmentEntry>& entry,
                         std::uint64_t sequence) override {
        sqlite::add_calibration(db_, calibration, entry, sequence);
    }
    AnswerFate record(const AnswerRecord& answer) override { return sqlite::record(db_, answer); }
    void add_verdicts(std::span<const VerdictRecord> verdicts) override {
        sqlite::add_verdicts(db_, verdicts);
    }
    void close_window(WindowIndex window, Instant closed, std::span<const VerdictRecord> missed,
                      std::span<const VoidRecord> voids,
                      std::span<const WindowRecord> windows) override {
        sqlite::close_window(db_, window, closed, missed, voids, windows);
    }
    void settle_day(const SettledDay& day, std::span<const DayRecord> devices) override {
        sqlite::settle_day(db_, day, devices);
    }
};

}  // namespace vigil::verifier::sqlite
