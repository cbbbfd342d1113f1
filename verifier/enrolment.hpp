#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "proto/messages.hpp"
#include "proto/signed_texts.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"
#include "verifier/write_limit.hpp"

namespace vigil::verifier {

/// An enrolment as it came: `claimed` was read from `content` (wire::enrolment_from_bytes).
struct SignedEnrolment {
    std::string content;
    Signature signature;
    wire::Enrolment claimed;
};

struct Enrolled {
    struct Device {
        std::string uid;
        DeviceId id;
    };
    NodeId node;
    std::vector<Device> devices;  ///< in the order of the enrolment
};

struct SignedDeviceRequest {
    NodeId node;
    wire::DeviceRequest request;
    Signature signature;
};

/// How much may be written. Enrolling is open to everybody, so it has a bucket of its own:
/// strangers cannot keep the owners of enrolled devices from retiring and calibrating them.
struct EnrolmentLimits {
    std::size_t nodes = 300'000;
    std::size_t devices_ever = 1'024;  ///< of a node, retired ones included; 64 at a time
    WriteRate enrolments;              ///< a token for each enrolment and each device named
    WriteRate requests;                ///< a token for each device retired or calibrated
};

/// Who takes part: enrolments, retirements and calibrations, each load, decide, save, then the
/// roster. One at a time, from any thread; waits for the disk. Throws StoreFailed; what was written
/// before that, the roster shows after the next request of the node, which is told the same again.
///
/// Nothing is written into a window that is closed already (a clock that stepped back): `busy`.
///
/// Calibrations (protocol 3.5) start when they are issued, so they are issued when a node is there
/// to hear it: with the enrolment for new devices, on request, and again when a device without a
/// baseline lost its last one. Never while a check of the device is running. A check that is still
/// to come is not considered: refusing for its sake would announce it. A node drops a calibration
/// when a check that counts starts, and loses nothing.
class Enrolments {
public:
    Enrolments(Store& store, Roster& roster, Schedule& schedule, EnrolmentLimits limits);

    /// The same content again changes nothing; so does a newer one that claims the same of devices
    /// that take part. Devices not named stay as they are; a retired one that a newer enrolment
    /// names takes part again (protocol 8.5).
    Expected<Enrolled, wire::Refusal> enrol(const SignedEnrolment& enrolment, Instant now);

    /// At most one calibration of a device a day. The same request again, while its calibration is
    /// open, gets the same.
    Expected<ScheduledCheck, wire::Refusal> request_calibration(const SignedDeviceRequest& request,
                                                                Instant now);

    /// First day without checks (protocol 8.5).
    Expected<DayIndex, wire::Refusal> retire(const SignedDeviceRequest& request, Instant now);

    struct Owed {
        std::vector<std::pair<std::shared_ptr<const RosterDevice>, ScheduledCheck>> issued;
        std::optional<Instant> look_again;  ///< nothing: no device of the node waits for one
    };
    /// Calibrations for devices that have no baseline and none open: at once for the first, then
    /// at most 24 a day.
    Owed issue_owed_calibrations(const NodeId& node, Instant now);

private:
    /// What the store holds about a node.
    struct Known {
        std::optional<NodeRecord> node;
        std::vector<DeviceRecord> devices;
        std::vector<CalibrationRecord> calibrations;  ///< the latest of each device
    };
    Known known(const NodeId& id);
    /// Whether the store still holds what a decision was made from: another verifier may have
    /// served the node since. From then on nobody else does, until the transaction ends.
    static bool hold(Transaction& tx, const NodeId& id, const Known& known);
    /// Refreshes the roster where it lacks something of it: a refresh after a commit may have
    /// failed.
    void show(const Known& known);
    struct Loaded {
        DeviceRecord device;
        Known known;
    };
    Expected<Loaded, wire::Refusal> load(const SignedDeviceRequest& request, ByteSpan text);
    bool in_closed_window(Reader& reader, Instant now) const;
    CalibrationRecord next_calibration(const RosterDevice* known, DeviceRef ref, Instant now) const;

    Store& store_;
    Roster& roster_;
    Schedule& schedule_;
    const EnrolmentLimits limits_;
    std::mutex mutex_;
    // guarded by mutex_
    WriteLimit enrolling_, requesting_;
};

}  // namespace vigil::verifier
