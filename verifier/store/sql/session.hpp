#pragma once

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {

/// Reader's functions on a connection; Base is Reader or Transaction.
template <class Base>
class Reading : public Base {
public:
    explicit Reading(Connection& db) : db_{db} {}

    std::optional<Genesis> genesis() override { return sql::genesis(db_); }
    std::vector<PolicyRecord> policies() override { return sql::policies(db_); }
    std::optional<DayKeyRecord> day_key(DayIndex d) override { return sql::day_key(db_, d); }
    std::vector<DayKeyRecord> day_keys(DayIndex first, std::int64_t limit) override {
        return sql::day_keys(db_, first, limit);
    }
    std::vector<Instant> heartbeats(Instant from, Instant to) override {
        return sql::heartbeats(db_, from, to);
    }
    Instant database_time() override { return db_.clock(); }
    std::vector<LeaseRecord> leases() override { return sql::leases(db_); }
    std::vector<PublicKey> receipt_keys() override { return sql::receipt_keys(db_); }
    std::vector<NodeRecord> nodes() override { return sql::nodes(db_); }
    std::vector<DeviceRecord> devices() override { return sql::devices(db_); }
    std::optional<NodeRecord> node(const NodeId& id) override { return sql::node(db_, id); }
    std::vector<DeviceRecord> devices_of(NodeRef node) override {
        return sql::devices_of(db_, node);
    }
    std::vector<EnrolmentEntry> enrolments(std::int64_t after_row, std::int64_t limit) override {
        return sql::enrolments(db_, after_row, limit);
    }
    std::int64_t enrolment_count() override { return sql::enrolment_count(db_); }
    std::vector<CalibrationRecord> latest_calibrations() override {
        return sql::latest_calibrations(db_);
    }
    std::vector<CalibrationRecord> latest_calibrations_of(NodeRef node) override {
        return sql::latest_calibrations_of(db_, node);
    }
    std::vector<Calibrated> passed_calibrations(DeviceRef device, Milliseconds window,
                                                std::int64_t limit) override {
        return sql::passed_calibrations(db_, device, window, limit);
    }
    std::vector<std::pair<DeviceRef, std::uint64_t>> calibration_rates() override {
        return sql::calibration_rates(db_);
    }
    std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>> recent_roll_call_rates()
        override {
        return sql::recent_roll_call_rates(db_);
    }
    std::vector<std::uint64_t> recent_roll_call_rates_of(DeviceRef device) override {
        return sql::recent_roll_call_rates_of(db_, device);
    }
    std::optional<WindowIndex> last_closed_window() override {
        return sql::last_closed_window(db_);
    }
    std::optional<ClosedWindow> last_closing() override { return sql::last_closing(db_); }
    std::optional<SettledDay> last_settled_day() override { return sql::last_settled_day(db_); }
    std::optional<SettledDay> settled_day(DayIndex d) override { return sql::settled_day(db_, d); }
    std::vector<CheckRow> verdicts_of(WindowIndex w) override { return sql::verdicts_of(db_, w); }
    std::vector<StoredAnswer> unjudged_answers(WindowIndex w) override {
        return sql::unjudged_answers(db_, w);
    }
    std::vector<WindowRecord> windows_of(DayIndex d, std::int64_t windows_per_day) override {
        return sql::windows_of(db_, d, windows_per_day);
    }
    std::vector<std::pair<DeviceRef, Standing>> standings() override { return sql::standings(db_); }
    std::vector<std::uint8_t> buckets_with_devices() override {
        return sql::buckets_with_devices(db_);
    }
    std::vector<BooksDevice> books_devices(std::uint8_t bucket) override {
        return sql::books_devices(db_, bucket);
    }
    std::vector<StoredAnswer> unjudged_answers_in(std::uint8_t bucket, WindowIndex w) override {
        return sql::unjudged_answers_in(db_, bucket, w);
    }
    std::vector<JudgedCheck> judged_checks(std::uint8_t bucket, WindowIndex w) override {
        return sql::judged_checks(db_, bucket, w);
    }
    std::vector<std::int64_t> devices_that_missed(std::uint8_t bucket, WindowIndex w,
                                                  SlotIndex slot) override {
        return sql::devices_that_missed(db_, bucket, w, slot);
    }
    std::vector<std::int64_t> devices_with_outcome(std::uint8_t bucket, WindowIndex w) override {
        return sql::devices_with_outcome(db_, bucket, w);
    }
    std::vector<WindowOfDay> windows_of_day(std::uint8_t bucket, DayIndex d,
                                            std::int64_t windows_per_day) override {
        return sql::windows_of_day(db_, bucket, d, windows_per_day);
    }
    std::vector<WindowOfDay> outcomes_in(std::uint8_t bucket, WindowIndex w) override {
        return sql::outcomes_in(db_, bucket, w);
    }
    std::vector<WindowTotals> window_totals(WindowIndex first, WindowIndex last) override {
        return sql::window_totals(db_, first, last);
    }
    std::vector<std::pair<std::int64_t, Standing>> standings_in(std::uint8_t bucket) override {
        return sql::standings_in(db_, bucket);
    }
    std::vector<std::int64_t> devices_with_day(std::uint8_t bucket, DayIndex d) override {
        return sql::devices_with_day(db_, bucket, d);
    }
    std::vector<DeviceState> states_after(std::uint8_t bucket, DayIndex d) override {
        return sql::states_after(db_, bucket, d);
    }
    std::vector<CheckRow> checks(DeviceRef device, Page page) override {
        return sql::checks(db_, device, page);
    }
    std::vector<CheckRow> checks_in(DeviceRef device, WindowIndex w) override {
        return sql::checks_in(db_, device, w);
    }
    std::vector<WindowRecord> windows(DeviceRef device, Page page) override {
        return sql::windows(db_, device, page);
    }
    std::vector<DayRecord> days(DeviceRef device, Page page) override {
        return sql::days(db_, device, page);
    }
    std::optional<DayRecord> day(DeviceRef device, DayIndex d) override {
        return sql::day(db_, device, d);
    }
    std::optional<StoredAnswer> answer(const AnswerId& id, NodeRef node) override {
        return sql::answer(db_, id, node);
    }
    std::optional<StoredAnswer> answer_to(const CheckClaim& claim) override {
        return sql::answer_to(db_, claim);
    }
    std::vector<StoredAnswer> answers(NodeRef node, Page page) override {
        return sql::answers(db_, node, page);
    }
    std::int64_t answer_count() override { return sql::answer_count(db_); }
    std::vector<ClosedWindow> closed_windows(WindowIndex first, std::int64_t limit) override {
        return sql::closed_windows(db_, first, limit);
    }
    std::vector<CalibrationRecord> calibrations(Instant from, Instant until) override {
        return sql::calibrations(db_, from, until);
    }
    std::vector<CheckRow> calibration_verdicts_of(WindowIndex w) override {
        return sql::calibration_verdicts_of(db_, w);
    }
    std::vector<StoredAnswer> answers_after(std::uint8_t bucket, std::int64_t after,
                                            std::int64_t limit) override {
        return sql::answers_after(db_, bucket, after, limit);
    }
    std::vector<DayRecord> days_of(DayIndex d) override { return sql::days_of(db_, d); }

protected:
    Connection& db_;
};

using SqlReader = Reading<Reader>;

class SqlTransaction final : public Reading<Transaction> {
public:
    using Reading::Reading;

    void found(const Genesis& ours) override { sql::found(db_, ours); }
    void add_policy(const PolicyRecord& policy) override { sql::add_policy(db_, policy); }
    void add_day_key(const DayKeyRecord& day_key) override { sql::add_day_key(db_, day_key); }
    void reveal_day_key(DayIndex d, Instant revealed) override {
        sql::reveal_day_key(db_, d, revealed);
    }
    void add_heartbeat(std::uint32_t replica, Instant at) override {
        sql::add_heartbeat(db_, replica, at);
    }
    std::optional<Lease> take_lease(const std::string& name, const std::string& holder,
                                    Milliseconds length) override {
        return sql::take_lease(db_, name, holder, length);
    }
    void require_lease(const Lease& lease, Milliseconds length,
                       std::optional<Instant> settled) override {
        sql::require_lease(db_, lease, length, settled);
    }
    void release_lease(const Lease& lease) override { sql::release_lease(db_, lease); }
    void add_receipt_key(const PublicKey& key, Instant first_used) override {
        sql::add_receipt_key(db_, key, first_used);
    }
    std::int64_t hold_enrolments() override { return sql::hold_enrolments(db_); }
    void enrol(const EnrolmentEntry& entry, NodeRecord& node,
               std::vector<DeviceRecord>& devices) override {
        sql::enrol(db_, entry, node, devices);
    }
    void retire(const EnrolmentEntry& entry, DeviceRef device, DayIndex retired_from,
                std::uint64_t sequence) override {
        sql::retire(db_, entry, device, retired_from, sequence);
    }
    void add_calibration(const CalibrationRecord& calibration,
                         const std::optional<EnrolmentEntry>& entry,
                         std::uint64_t sequence) override {
        sql::add_calibration(db_, calibration, entry, sequence);
    }
    AnswerFate record(const AnswerRecord& answer) override {
        const AnswerRecord* const one = &answer;
        sql::hold_bucket(db_, answer.node.bucket);
        return sql::record(db_, {&one, 1}).front();
    }
    void add_verdicts(std::span<const VerdictRecord> verdicts) override {
        sql::add_verdicts(db_, verdicts);
    }
    void begin_closing(WindowIndex window, Instant closed) override {
        sql::begin_closing(db_, window, closed);
    }
    void add_outcomes(WindowIndex window, std::span<const VerdictRecord> missed,
                      std::span<const VoidRecord> voids,
                      std::span<const WindowRecord> windows) override {
        sql::add_outcomes(db_, window, missed, voids, windows);
    }
    void add_window_totals(const WindowTotals& totals) override {
        sql::add_window_totals(db_, totals);
    }
    void finish_closing(WindowIndex window) override { sql::finish_closing(db_, window); }
    void add_days(DayIndex d, std::span<const DayRecord> devices) override {
        sql::add_days(db_, d, devices);
    }
    void finish_settling(const SettledDay& settled) override { sql::finish_settling(db_, settled); }
};

}  // namespace vigil::verifier::sql
