#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "verifier/store/sql/connection.hpp"

/// What Reader and Transaction promise (store.hpp), each as a function on a connection that is in
/// a transaction. One file for each group below.
namespace vigil::verifier::sql {

/// What grows is read bucket by bucket: a bucket leads every key.
constexpr int buckets = 256;

// network.cpp: what there is once for the whole network.
std::optional<Genesis> genesis(Connection& db);
void found(Connection& db, const Genesis& genesis);
std::vector<PolicyRecord> policies(Connection& db);
void add_policy(Connection& db, const PolicyRecord& policy);
std::optional<DayKeyRecord> day_key(Connection& db, DayIndex day);
std::vector<DayKeyRecord> day_keys(Connection& db, DayIndex first, std::int64_t limit);
void add_day_key(Connection& db, const DayKeyRecord& day_key);
void reveal_day_key(Connection& db, DayIndex day, Instant revealed);
std::vector<Instant> heartbeats(Connection& db, Instant from, Instant to);
void add_heartbeat(Connection& db, std::uint32_t replica, Instant at);

// leases.cpp: several verifiers on one store.
std::vector<LeaseRecord> leases(Connection& db);
std::optional<Lease> take_lease(Connection& db, const std::string& name, const std::string& holder,
                                Milliseconds length);
void require_lease(Connection& db, const Lease& lease, Milliseconds length,
                   std::optional<Instant> settled);
void release_lease(Connection& db, const Lease& lease);
std::vector<PublicKey> receipt_keys(Connection& db);
void add_receipt_key(Connection& db, const PublicKey& key, Instant first_used);

// fleet.cpp: nodes and devices in force.
std::vector<NodeRecord> nodes(Connection& db);
std::optional<NodeRecord> node(Connection& db, const NodeId& id);
std::vector<DeviceRecord> devices(Connection& db);
std::vector<DeviceRecord> devices_of(Connection& db, NodeRef node);
std::vector<CalibrationRecord> latest_calibrations(Connection& db);
std::vector<CalibrationRecord> latest_calibrations_of(Connection& db, NodeRef node);
std::vector<Calibrated> passed_calibrations(Connection& db, DeviceRef device, Milliseconds window,
                                            std::int64_t limit);
std::vector<std::pair<DeviceRef, std::uint64_t>> calibration_rates(Connection& db);

// enrolment.cpp: signed requests and what they change in the fleet.
std::vector<EnrolmentEntry> enrolments(Connection& db, std::int64_t after_row, std::int64_t limit);
std::int64_t enrolment_count(Connection& db);
std::int64_t hold_enrolments(Connection& db);
void enrol(Connection& db, const EnrolmentEntry& entry, NodeRecord& node,
           std::vector<DeviceRecord>& devices);
void retire(Connection& db, const EnrolmentEntry& entry, DeviceRef device, DayIndex retired_from,
            std::uint64_t sequence);
void add_calibration(Connection& db, const CalibrationRecord& calibration,
                     const std::optional<EnrolmentEntry>& entry, std::uint64_t sequence);

// answers.cpp: answers as signed, and which check each of them took.
/// In their order, which numbers those of a bucket; whoever calls is alone with their buckets.
std::vector<AnswerFate> record(Connection& db, std::span<const AnswerRecord* const> answers);
/// To the end of the transaction nobody else records answers of this bucket.
void hold_bucket(Connection& db, int bucket);
/// Windows up to this one take no answers any more. To be asked when the bucket is held, else a
/// closing that begins meanwhile could miss the answer.
std::optional<WindowIndex> closed_to_answers(Connection& db);
/// A calibration counts from the window after the one that its answer came in (protocol 5.6),
/// whenever it was issued.
inline bool comes_too_late(const AnswerRecord& answer, const CheckClaim& claim,
                           std::optional<WindowIndex> closed_up_to) {
    const bool calibrates = claim.kind == CheckKind::calibration;
    return closed_up_to && (calibrates ? answer.received_in : claim.window) <= *closed_up_to;
}
/// What the answer that took a check decides about a later one.
AnswerFate decided_by(Connection& db, AnswerFate::Kind kind, std::uint8_t bucket,
                      std::int64_t number);
/// Answers with their numbers, none of whose checks is taken: with claims and verdicts.
struct NumberedAnswer {
    const AnswerRecord* answer{};
    std::int64_t number{};
};
void insert_answers(Connection& db, std::span<const NumberedAnswer> answers);
/// Numbers begin with 1.
constexpr std::int64_t no_answer = 0;
std::vector<StoredAnswer> unjudged_answers(Connection& db, WindowIndex window);
std::vector<StoredAnswer> unjudged_answers_in(Connection& db, std::uint8_t bucket,
                                              WindowIndex window);
std::optional<StoredAnswer> answer(Connection& db, const AnswerId& id, NodeRef node);
std::optional<StoredAnswer> answer_to(Connection& db, const CheckClaim& claim);
std::vector<StoredAnswer> answers(Connection& db, NodeRef node, const Page& page);
std::int64_t answer_count(Connection& db);

// verdicts.cpp
/// A verdict with the number of the answer that it is on, when both are recorded at once.
struct VerdictOnAnswer {
    const VerdictRecord* verdict{};
    std::optional<std::int64_t> answer;
};
void add_verdicts(Connection& db, std::span<const VerdictOnAnswer> verdicts);
void add_verdicts(Connection& db, std::span<const VerdictRecord> verdicts);
void add_voids(Connection& db, std::span<const VoidRecord> voids);
/// A device's history begins, as far as verdicts and windows go, no later than here.
void note_first_windows(Connection& db, std::vector<std::pair<DeviceRef, WindowIndex>> seen);
std::vector<CheckRow> verdicts_of(Connection& db, WindowIndex window);
std::vector<CheckRow> calibration_verdicts_of(Connection& db, WindowIndex window);
std::vector<CheckRow> checks_in(Connection& db, DeviceRef device, WindowIndex window);
std::vector<CheckRow> checks(Connection& db, DeviceRef device, const Page& page);

// closing.cpp: windows and days, each closed once and in order.
std::optional<WindowIndex> last_closed_window(Connection& db);
std::optional<ClosedWindow> last_closing(Connection& db);
void begin_closing(Connection& db, WindowIndex window, Instant closed);
void add_outcomes(Connection& db, WindowIndex window, std::span<const VerdictRecord> missed,
                  std::span<const VoidRecord> voids, std::span<const WindowRecord> windows);
void add_window_totals(Connection& db, const WindowTotals& totals);
void finish_closing(Connection& db, WindowIndex window);
std::optional<SettledDay> last_settled_day(Connection& db);
std::optional<SettledDay> settled_day(Connection& db, DayIndex day);
void add_days(Connection& db, DayIndex day, std::span<const DayRecord> devices);
void finish_settling(Connection& db, const SettledDay& day);

// books.cpp: what closing and settling read, and what all of it adds up to.
std::vector<std::uint8_t> buckets_with_devices(Connection& db);
std::vector<BooksDevice> books_devices(Connection& db, std::uint8_t bucket);
std::vector<JudgedCheck> judged_checks(Connection& db, std::uint8_t bucket, WindowIndex window);
std::vector<std::int64_t> devices_that_missed(Connection& db, std::uint8_t bucket,
                                              WindowIndex window, SlotIndex slot);
std::vector<std::int64_t> devices_with_outcome(Connection& db, std::uint8_t bucket,
                                               WindowIndex window);
std::vector<WindowOfDay> windows_of_day(Connection& db, std::uint8_t bucket, DayIndex day,
                                        std::int64_t windows_per_day);
std::vector<WindowOfDay> outcomes_in(Connection& db, std::uint8_t bucket, WindowIndex window);
std::vector<WindowTotals> window_totals(Connection& db, WindowIndex first, WindowIndex last);
std::vector<std::pair<std::int64_t, Standing>> standings_in(Connection& db, std::uint8_t bucket);
std::vector<std::int64_t> devices_with_day(Connection& db, std::uint8_t bucket, DayIndex day);
std::vector<DeviceState> states_after(Connection& db, std::uint8_t bucket, DayIndex day);
std::vector<WindowRecord> windows_of(Connection& db, DayIndex day, std::int64_t windows_per_day);
std::vector<std::uint64_t> recent_roll_call_rates_of(Connection& db, DeviceRef device);
std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>> recent_roll_call_rates(
    Connection& db);
std::vector<std::pair<DeviceRef, Standing>> standings(Connection& db);

// history.cpp: one device's past, newest first.
std::optional<WindowIndex> first_window(Connection& db, DeviceRef device);
std::vector<WindowRecord> windows(Connection& db, DeviceRef device, const Page& page);
std::vector<DayRecord> days(Connection& db, DeviceRef device, const Page& page);
std::optional<DayRecord> day(Connection& db, DeviceRef device, DayIndex day);
std::vector<DayRecord> days_of(Connection& db, DayIndex day);

// record.cpp: what a replay reads, in order and in parts.
std::vector<ClosedWindow> closed_windows(Connection& db, WindowIndex first, std::int64_t limit);
std::vector<CalibrationRecord> calibrations(Connection& db, Instant from, Instant until);
std::vector<StoredAnswer> answers_after(Connection& db, std::uint8_t bucket, std::int64_t after,
                                        std::int64_t limit);

/// The rows a page asks for, within what a page may ask for.
std::size_t rows_of(const Page& page);
/// Every row of a statement whose columns `one` reads into a T.
template <class T, class One>
void collect(Rows&& rows, std::vector<T>& into, One one) {
    while (rows.next()) one(rows, into.emplace_back());
}

}  // namespace vigil::verifier::sql
