#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/rewards/settlement.hpp"
#include "verifier/store/records.hpp"
#include "verifier/store/window_sum.hpp"

namespace vigil::verifier {

/// The store could not do it: disk full, file locked, connection lost. Nothing of the transaction
/// happened, or (commit result unknown) repeating the whole transaction is harmless.
struct StoreFailed : std::runtime_error {
    using std::runtime_error::runtime_error;
};
/// Another process holds the store.
struct StoreLocked : StoreFailed {
    using StoreFailed::StoreFailed;
};
/// The store was written by a newer program; the text says both versions and what to do.
struct StoreTooNew : StoreFailed {
    using StoreFailed::StoreFailed;
};

/// Another verifier has taken the lease that a transaction needs. Nothing of the transaction
/// happened, and repeating it cannot help.
struct LeaseLost : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A page of rows, newest first: rows older than `before` (exclusive; nothing: from the newest;
/// positions are never negative).
struct Page {
    std::optional<std::int64_t> before;
    std::int64_t limit = 100;  ///< 1 to 1,000
};

/// A stored verdict with the void rule that replaced it, if one did.
struct CheckRow {
    std::int64_t row{};  ///< position for paging
    VerdictRecord verdict;
    std::optional<std::string> voided;
    Verdict final_verdict() const { return voided ? Verdict::voided : verdict.judgement.verdict; }
};

struct StoredAnswer {
    std::int64_t number{};  ///< within its bucket
    NodeRef node;
    AnswerId id;
    Instant received;
    ByteVector signed_bytes;
    Signature signature;
};

/// What became of an answer offered to a transaction.
struct AnswerFate {
    enum class Kind : std::uint8_t {
        recorded,     ///< every claim was free and is now taken
        repeated,     ///< one answer before took every claim; `received` is that answer's
        closed,       ///< the closing of a claim's window has begun: decided without it
        contradicted  ///< claims were taken, but not all by one answer before: refused whole
    };
    Kind kind{};
    Instant received;
    AnswerId id;  ///< of the (first) answer that decided; the offered one when recorded
};

/// Reads see one state of the store from their begin to their end.
class Reader {
public:
    virtual ~Reader() = default;

    virtual std::optional<Genesis> genesis() = 0;
    virtual std::vector<PolicyRecord>
    policies() = 0;  ///< by effective day, the later announced last
    virtual std::optional<DayKeyRecord> day_key(DayIndex day) = 0;
    virtual std::vector<DayKeyRecord> day_keys(DayIndex first,
                                               std::int64_t limit) = 0;  ///< ascending
    /// Ascending heartbeats in [from, to] of all replicas, with the last one before and the first
    /// one after.
    virtual std::vector<Instant> heartbeats(Instant from, Instant to) = 0;

    virtual Instant database_time() = 0;            ///< one clock for all verifiers on this store
    virtual std::vector<LeaseRecord> leases() = 0;  ///< by name, expired ones included
    virtual std::vector<PublicKey> receipt_keys() = 0;  ///< the one in force last

    virtual std::vector<NodeRecord> nodes() = 0;      ///< all, ascending by NodeRef
    virtual std::vector<DeviceRecord> devices() = 0;  ///< all, ascending by DeviceRef
    virtual std::optional<NodeRecord> node(const NodeId& id) = 0;
    virtual std::vector<DeviceRecord> devices_of(NodeRef node) = 0;
    virtual std::vector<EnrolmentEntry> enrolments(std::int64_t after_row, std::int64_t limit) = 0;
    virtual std::int64_t enrolment_count() = 0;  ///< the row of the last one
    /// Latest calibration of each device that has one.
    virtual std::vector<CalibrationRecord> latest_calibrations() = 0;
    virtual std::vector<CalibrationRecord> latest_calibrations_of(NodeRef node) = 0;
    /// The latest passed ones of a device, the latest first; `window`: the length of one, by which
    /// their verdicts are found.
    virtual std::vector<Calibrated> passed_calibrations(DeviceRef device, Milliseconds window,
                                                        std::int64_t limit) = 0;
    /// R of the latest passed calibration of each device that has one.
    virtual std::vector<std::pair<DeviceRef, std::uint64_t>> calibration_rates() = 0;
    /// For each device, the rates of its last six windows with roll_call_valid, oldest first
    /// (protocol 5.6).
    virtual std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>>
    recent_roll_call_rates() = 0;
    virtual std::vector<std::uint64_t> recent_roll_call_rates_of(DeviceRef device) = 0;

    /// A window is closed once its closing was finished, and is shown as closed only then.
    virtual std::optional<WindowIndex> last_closed_window() = 0;
    /// The window whose closing began last, finished or not, with the time it is dated with.
    virtual std::optional<ClosedWindow> last_closing() = 0;
    /// Of the closed windows in [first, last], ascending.
    virtual std::vector<WindowTotals> window_totals(WindowIndex first, WindowIndex last) = 0;
    virtual std::optional<SettledDay> last_settled_day() = 0;
    virtual std::optional<SettledDay> settled_day(DayIndex day) = 0;

    /// Every verdict of a window with its void, ascending by device, kind, ref. Calibrations are
    /// not among them.
    virtual std::vector<CheckRow> verdicts_of(WindowIndex window) = 0;
    /// Answers with claims in `window` that have no verdict yet, in order of arrival. Calibrations
    /// are not among them: they decide nothing in a window.
    virtual std::vector<StoredAnswer> unjudged_answers(WindowIndex window) = 0;
    /// The closed ones, ascending by device, window.
    virtual std::vector<WindowRecord> windows_of(DayIndex day, std::int64_t windows_per_day) = 0;
    /// Of devices settled at least once; while a day is being settled, of some already after it.
    virtual std::vector<std::pair<DeviceRef, Standing>> standings() = 0;

    // What closing and settling read, one bucket at a time. Ascending by device, where it says
    // nothing else.
    virtual std::vector<std::uint8_t> buckets_with_devices() = 0;
    virtual std::vector<BooksDevice> books_devices(std::uint8_t bucket) = 0;
    virtual std::vector<StoredAnswer> unjudged_answers_in(std::uint8_t bucket,
                                                          WindowIndex window) = 0;
    /// By device, kind, ref; no calibrations.
    virtual std::vector<JudgedCheck> judged_checks(std::uint8_t bucket, WindowIndex window) = 0;
    /// Devices whose verdict on the fleet check of a slot, as judged, is `missed`.
    virtual std::vector<std::int64_t> devices_that_missed(std::uint8_t bucket, WindowIndex window,
                                                          SlotIndex slot) = 0;
    /// Devices whose outcome of the window is written, final or not.
    virtual std::vector<std::int64_t> devices_with_outcome(std::uint8_t bucket,
                                                           WindowIndex window) = 0;
    /// By device, window.
    virtual std::vector<WindowOfDay> windows_of_day(std::uint8_t bucket, DayIndex day,
                                                    std::int64_t windows_per_day) = 0;
    /// Final or not, ascending by device.
    virtual std::vector<WindowOfDay> outcomes_in(std::uint8_t bucket, WindowIndex window) = 0;
    virtual std::vector<std::pair<std::int64_t, Standing>> standings_in(std::uint8_t bucket) = 0;
    /// Devices whose record of the day is written, final or not.
    virtual std::vector<std::int64_t> devices_with_day(std::uint8_t bucket, DayIndex day) = 0;
    /// What the records of a day say of its devices, for state_hash; in no order.
    virtual std::vector<DeviceState> states_after(std::uint8_t bucket, DayIndex day) = 0;

    // What people and audits read, one device at a time.
    virtual std::vector<CheckRow> checks(DeviceRef device, Page page) = 0;
    virtual std::vector<CheckRow> checks_in(DeviceRef device, WindowIndex window) = 0;
    virtual std::vector<WindowRecord> windows(DeviceRef device,
                                              Page page) = 0;              ///< page by window index
    virtual std::vector<DayRecord> days(DeviceRef device, Page page) = 0;  ///< page by day index
    virtual std::optional<DayRecord> day(DeviceRef device, DayIndex day) = 0;  ///< once settled
    virtual std::optional<StoredAnswer> answer(const AnswerId& id, NodeRef node) = 0;
    /// The one that took a check; nothing while none did.
    virtual std::optional<StoredAnswer> answer_to(const CheckClaim& claim) = 0;
    virtual std::vector<StoredAnswer> answers(NodeRef node, Page page) = 0;  ///< page by number
    virtual std::int64_t answer_count() = 0;

    // What a replay reads, in order and in parts.
    /// From `first` on, ascending.
    virtual std::vector<ClosedWindow> closed_windows(WindowIndex first, std::int64_t limit) = 0;
    /// Issued in [from, until), ascending by time, device, counter.
    virtual std::vector<CalibrationRecord> calibrations(Instant from, Instant until) = 0;
    /// Verdicts of calibrations that count in a window, ascending by device, ref.
    virtual std::vector<CheckRow> calibration_verdicts_of(WindowIndex window) = 0;
    /// Answers of a bucket with numbers above `after`, ascending; numbers have no gaps.
    virtual std::vector<StoredAnswer> answers_after(std::uint8_t bucket, std::int64_t after,
                                                    std::int64_t limit) = 0;
    virtual std::vector<DayRecord> days_of(DayIndex day) = 0;  ///< ascending by device
};

/// A write transaction: all of it happens, durably, or nothing. Reads in it see its own writes.
/// Every insert is repeatable: the same row again changes nothing.
class Transaction : public Reader {
public:
    virtual void found(const Genesis& genesis) = 0;  ///< StoreFailed when another genesis is there
    virtual void add_policy(const PolicyRecord& policy) = 0;
    virtual void add_day_key(const DayKeyRecord& day_key) = 0;  ///< keeps the first; read it back
    virtual void reveal_day_key(DayIndex day, Instant revealed) = 0;
    virtual void add_heartbeat(std::uint32_t replica, Instant at) = 0;

    /// Takes a lease that is free, expired by the database's clock, or this holder's own (which
    /// ends what it held before), for `length` from now. Nothing: another holds it.
    virtual std::optional<Lease> take_lease(const std::string& name, const std::string& holder,
                                            Milliseconds length) = 0;
    /// Throws LeaseLost unless the epoch is the one in force. Else the lease lasts for `length`
    /// from now, and nobody takes it before this transaction has ended. An expired lease that
    /// nobody has taken is still its holder's. `settled` (LeaseRecord) only grows.
    virtual void require_lease(const Lease& lease, Milliseconds length,
                               std::optional<Instant> settled) = 0;
    virtual void release_lease(const Lease& lease) = 0;  ///< unless another has taken it
    virtual void add_receipt_key(const PublicKey& key, Instant first_used) = 0;

    /// From here to its end this transaction is the only one that founds a network, announces a
    /// policy, enrols, retires or answers a request for a calibration, and no window is closed
    /// beside it. How many entries there are.
    virtual std::int64_t hold_enrolments() = 0;

    /// Adds the entry to the append-only record and makes it the state in force. Numbers are
    /// assigned here; known devices keep theirs and their first enrolment, devices not named stay
    /// as they are.
    virtual void enrol(const EnrolmentEntry& entry, NodeRecord& node,
                       std::vector<DeviceRecord>& devices) = 0;
    virtual void retire(const EnrolmentEntry& entry, DeviceRef device, DayIndex retired_from,
                        std::uint64_t sequence) = 0;
    /// `entry`: the request, when the device asked for it itself.
    virtual void add_calibration(const CalibrationRecord& calibration,
                                 const std::optional<EnrolmentEntry>& entry,
                                 std::uint64_t sequence) = 0;

    virtual AnswerFate record(const AnswerRecord& answer) = 0;
    virtual void add_verdicts(
        std::span<const VerdictRecord> verdicts) = 0;  ///< first verdict of a check stays

    // Closing a window and settling a day, in steps of which each may be repeated, after a crash or
    // by another replica at the same time, and then changes nothing.

    /// From its commit on, no answer takes a check of the window or an earlier one. Exactly the
    /// window after the last closed one (the first may be any); its first time stays.
    virtual void begin_closing(WindowIndex window, Instant closed) = 0;
    /// Outcomes of some devices, with what was decided about their checks; a device that has its
    /// outcome already keeps all of it. Only while the closing is under way; does nothing after.
    virtual void add_outcomes(WindowIndex window, std::span<const VerdictRecord> missed,
                              std::span<const VoidRecord> voids,
                              std::span<const WindowRecord> windows) = 0;
    /// Keeps the first.
    virtual void add_window_totals(const WindowTotals& totals) = 0;
    /// Once all outcomes are there.
    virtual void finish_closing(WindowIndex window) = 0;

    /// Records of some devices, which move their standings; a device that has its record of the day
    /// already keeps it. Exactly the day after the last settled one; does nothing after.
    virtual void add_days(DayIndex day, std::span<const DayRecord> devices) = 0;
    /// Once all records are there.
    virtual void finish_settling(const SettledDay& day) = 0;

    /// All steps at once, for who has few devices.
    void close_window(WindowIndex window, Instant closed, std::span<const VerdictRecord> missed,
                      std::span<const VoidRecord> voids, std::span<const WindowRecord> windows) {
        begin_closing(window, closed);
        add_outcomes(window, missed, voids, windows);
        WindowSum sum;
        for (const WindowRecord& one : windows)
            sum.add(one.outcome, one.roll_call_rate, one.roll_call_valid);
        add_window_totals(sum.of(window));
        finish_closing(window);
    }
    void settle_day(const SettledDay& day, std::span<const DayRecord> devices) {
        add_days(day.day, devices);
        finish_settling(day);
    }
};

/// Durable state of a verifier. Two implementations: SQLite, PostgreSQL. All members may be called
/// from any thread.
class Store {
public:
    virtual ~Store() = default;

    /// Runs `work` in one write transaction and commits. Repeats `work` as a whole when the engine
    /// asks for it (serialisation failure, lost connection), at most ten times; so `work` must
    /// assign, not accumulate, its results. When it returns, everything is on stable storage.
    virtual void write(const std::function<void(Transaction&)>& work) = 0;
    /// The same, but it may be on stable storage only when a later write() or record() is: for
    /// steps that are done again where they are lost. Nothing written later is ever kept without
    /// it.
    virtual void write_redoable(const std::function<void(Transaction&)>& work) { write(work); }
    /// The same as write(), and where the engine can, without waiting for any other than these of
    /// this program: for heartbeats, leases and the books, which are lost when they come late.
    virtual void write_punctual(const std::function<void(Transaction&)>& work) { write(work); }
    /// Records answers, each as Transaction::record() does and in this order for each node; returns
    /// what became of each. In one transaction or in several: when it throws, some may be recorded,
    /// and offering them again is harmless. When it returns, everything is on stable storage. Waits
    /// half a minute for an engine that is away, since who offers them again has lost their time.
    virtual std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers) {
        std::vector<AnswerFate> fates;
        write([&](Transaction& transaction) {
            fates.clear();
            for (const AnswerRecord* answer : answers) fates.push_back(transaction.record(*answer));
        });
        return fates;
    }
    /// Runs `work` on a snapshot; never waits for a writer.
    virtual void read(const std::function<void(Reader&)>& work) = 0;

    /// Waits until every transaction is over that was recording something when this was called. So
    /// after begin_closing() was committed and this returned, a read finds every answer that was
    /// recorded without knowing of it.
    virtual void await_writers() = 0;
    /// Whether a transaction that writes to several buckets costs no more than one that writes to
    /// one. Where it does, each transaction of the books keeps to one.
    virtual bool writes_across_buckets() const = 0;

    struct Health {
        std::int64_t bytes{};
        std::uint64_t commits{};
        std::uint64_t failures{};
    };
    virtual Health health() = 0;
};

/// Opens or creates a SQLite store (WAL, synchronous=FULL); ":memory:" for tests.
/// Throws StoreTooNew, StoreLocked, or StoreFailed with the path, the engine's words and what to
/// do.
std::unique_ptr<Store> open_sqlite_store(const std::string& path);

/// Opens an existing SQLite store beside the verifier that may be running on it: no lock is taken,
/// nothing is created or migrated, write() throws StoreFailed. Throws StoreTooNew, or StoreFailed
/// also for a store that an older program wrote and none has migrated yet.
std::unique_ptr<Store> open_sqlite_store_for_reading(const std::string& path);

/// Opens a PostgreSQL store, "postgresql://USER@HOST,HOST/DATABASE?…": creates the tables in the
/// connection's schema where they are missing, or migrates them. Several processes may have it
/// open. Throws StoreTooNew, StoreAway at once where no host can be written now, or StoreFailed,
/// with the hosts, the engine's words and what to do; no message holds a secret.
std::unique_ptr<Store> open_postgres_store(const std::string& uri);

/// The same for reading only, also from a standby: nothing is created or migrated.
std::unique_ptr<Store> open_postgres_store_for_reading(const std::string& uri);

}  // namespace vigil::verifier
