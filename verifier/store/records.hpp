#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "core/schedule/challenge.hpp"
#include "core/uptime/judge.hpp"
#include "core/uptime/standing.hpp"
#include "core/uptime/window.hpp"
#include "core/work/proof.hpp"
#include "core/work/searcher.hpp"

namespace vigil::verifier {

/// What a network is, written once. Everything else may change by announced policy.
struct Genesis {
    std::string network_name;
    DayIndex programme_start_day;
    Instant founded;
    friend bool operator==(const Genesis&, const Genesis&) = default;
};

struct PolicyRecord {
    DayIndex effective_day;  ///< first day it decides
    Instant announced;
    std::string canonical;  ///< canonical_text()
    PolicyHash hash;
};

/// K_d with its commit (protocol 3.1). The key is secret until revealed.
struct DayKeyRecord {
    DayIndex day;
    DayKey key;
    Commit commit;
    Instant committed;
    std::optional<Instant> revealed;
};

/// What one verifier at a time may do: "books", or serve as "replica/3".
struct LeaseRecord {
    std::string name, holder;
    std::int64_t epoch{};
    Instant expires;  ///< by the database's clock
    Instant settled;  ///< of a replica: answers it received by then were recorded or refused
};
/// A lease in the hands of its holder. `epoch` is the fencing token: it grows with every taking.
struct Lease {
    std::string name, holder;
    std::int64_t epoch{};
};

/// Small numbers that name a node or a device inside the store: bucket is the first byte of node_id
/// and leads every key; `number` counts from 1 within the bucket, in order of enrolment.
struct NodeRef {
    std::uint8_t bucket{};
    std::int64_t number{};
    friend auto operator<=>(const NodeRef&, const NodeRef&) = default;
};
struct DeviceRef {
    std::uint8_t bucket{};
    std::int64_t number{};
    friend auto operator<=>(const DeviceRef&, const DeviceRef&) = default;
};

struct NodeRecord {
    NodeRef ref;
    NodeId id;
    PublicKey key;
    PayoutAddress payout;
    std::string name, region, version;  ///< claimed
    std::uint64_t sequence{};           ///< of the enrolment in force
    Instant enrolled;
};

struct DeviceRecord {
    DeviceRef ref;
    NodeRef node;
    DeviceId id;
    std::string uid, model, driver;  ///< claimed
    Backend backend{};
    std::uint64_t memory_bytes{};
    Instant enrolled;                      ///< first enrolment; never changes
    Instant active_from;                   ///< enrolment by which it takes part (protocol 8.5)
    std::optional<DayIndex> retired_from;  ///< first day without checks
    std::uint64_t request_sequence{};      ///< of the last calibration or retirement request
};

/// One signed enrolment or retirement, kept as it came (append-only).
struct EnrolmentEntry {
    enum class Kind : std::uint8_t { enrol = 1, retire = 2, calibrate = 3 };
    Kind kind{};
    NodeId node;
    Instant received;
    std::string content;  ///< the bytes the signature covers, as sent
    Signature signature;
};

/// A calibration issued to a device (protocol 3.5): random beacon, counter that never repeats.
struct CalibrationRecord {
    DeviceRef device;
    std::uint64_t counter{};
    Beacon beacon;
    Instant issued;
};

/// A passed calibration.
struct Calibrated {
    Instant received;
    std::uint64_t rate{};  ///< hashes per second
    friend bool operator==(const Calibrated&, const Calibrated&) = default;
};

/// Which check of which device a proof answers. (device, kind, ref) is claimed once; the
/// window follows from kind and ref.
struct CheckClaim {
    DeviceRef device;
    WindowIndex window;  ///< in which it counts; for a calibration, that of its issue
    CheckKind kind{};
    std::uint64_t ref{};
    friend bool operator==(const CheckClaim&, const CheckClaim&) = default;
};

struct VerdictRecord {
    CheckClaim claim;
    Challenge challenge;
    Instant start, deadline;
    std::optional<Instant> received;
    std::uint32_t k{};
    Ppm theta;
    Judgement judgement;
};

/// A void rule applied to a verdict when its window closed (protocol 5.9); the verdict as judged
/// stays.
struct VoidRecord {
    CheckClaim claim;
    std::string reason;
};

/// An answer as signed, with what it claims. `claims` and `verdicts` in the order of its proofs;
/// `verdicts` may be empty when judging must wait for an earlier window to close.
struct AnswerRecord {
    NodeRef node;
    AnswerId id;
    Instant received;
    WindowIndex received_in{};  ///< the window of `received`: where a calibration's answer belongs
    ByteVector signed_bytes;    ///< protocol 4.3
    Signature signature;
    std::vector<CheckClaim> claims;
    std::vector<VerdictRecord> verdicts;
};

struct WindowRecord {
    DeviceRef device;
    WindowIndex window;
    WindowOutcome outcome{};
    std::uint32_t misses{};
    std::uint64_t roll_call_rate{};  ///< R of the roll call, 0 where none was measured
    bool roll_call_valid{};          ///< counts for the baseline (protocol 5.6)
    std::string reason;
    Instant closed;
};

struct ClosedWindow {
    WindowIndex window;
    Instant closed;
};

/// A device as closing and settling see it.
struct BooksDevice {
    DeviceRef ref;
    NodeRef node;
    DeviceId id;
    Instant enrolled;
    Instant active_from;
    std::optional<DayIndex> retired_from;
    std::optional<std::uint64_t> calibration_rate;  ///< of the latest passed one
    /// Of its last six windows with roll_call_valid, oldest first (protocol 5.6).
    std::vector<std::uint64_t> roll_call_rates;
};

/// What closing needs of a verdict, as judged, before any void. `device` within its bucket.
struct JudgedCheck {
    std::int64_t device{};
    CheckKind kind{};
    std::uint64_t ref{};
    Verdict verdict{};
    std::uint64_t rate{};
};

/// What settling needs of a closed window.
struct WindowOfDay {
    std::int64_t device{};
    WindowIndex window;
    WindowOutcome outcome{};
    std::uint64_t roll_call_rate{};
    bool roll_call_valid{};
};

/// What the outcomes of a window add up to. For display: nothing is decided by it.
struct WindowTotals {
    WindowIndex window;
    std::array<std::int64_t, 7> outcomes{};  ///< how many, by WindowOutcome
    std::int64_t measured{};                 ///< devices with a valid roll call
    std::uint64_t rate{};                    ///< sum of their rates, hashes per second
    /// ⌊√ of the sum of the squares of their rates⌋: with the relative error of one rate, the error
    /// of the sum.
    std::uint64_t root{};
};

/// One device's settled day: day result, standing step, and the baseline in state_hash.
struct DayRecord {
    DeviceRef device;
    DayIndex day;
    DayOutcome outcome{};
    std::uint32_t counted{};
    Ppm multiplier;
    std::uint64_t rate{};
    Micro credit, slashed;
    bool grace_used{};
    std::uint32_t tier{};
    Standing after;
    std::uint64_t baseline{};
    std::string reason;
};

struct SettledDay {
    DayIndex day;
    Hash state_hash;
    std::int64_t devices{};
    Instant settled;
};

}  // namespace vigil::verifier
