#include "verifier/enrolment.hpp"

#include <algorithm>

#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "proto/edge/files.hpp"

namespace vigil::verifier {
namespace {

using wire::Refusal;
using wire::RefusalReason;

constexpr Milliseconds retry_when_busy{5'000};
constexpr Milliseconds retry_when_full{3'600'000};

tl::unexpected<Refusal> refused(RefusalReason reason, std::string message,
                                Milliseconds retry_after = {}) {
    return tl::unexpected{Refusal{reason, std::move(message), {}, retry_after}};
}

bool claims_the_same(const NodeRecord& node, const wire::Enrolment& claimed) {
    return node.payout == claimed.payout && node.name == claimed.name &&
           node.region == claimed.region && node.version == claimed.version;
}

bool claims_the_same(const DeviceRecord& device, const wire::DeviceClaim& claim) {
    return device.model == claim.model && device.driver == claim.driver &&
           device.backend == claim.backend && device.memory_bytes == claim.memory_bytes &&
           !device.retired_from;
}

/// A node in the store beside what it claims now.
struct Known {
    std::optional<NodeRecord> node;
    std::vector<DeviceRecord> devices;

    const DeviceRecord* find(std::string_view uid) const {
        const auto found = std::find_if(devices.begin(), devices.end(),
                                        [&](const DeviceRecord& d) { return d.uid == uid; });
        return found == devices.end() ? nullptr : &*found;
    }
    bool says(const wire::Enrolment& claimed) const {
        return node && claims_the_same(*node, claimed) &&
               std::all_of(claimed.devices.begin(), claimed.devices.end(), [&](const auto& claim) {
                   const DeviceRecord* device = find(claim.uid);
                   return device && claims_the_same(*device, claim);
               });
    }
};

DeviceRecord device_record(const wire::Enrolment& claimed, const wire::DeviceClaim& claim,
                           const DeviceRecord* known, Instant now, Instant active_from) {
    DeviceRecord device = known ? *known : DeviceRecord{};
    device.id = device_id(claimed.key, claim.uid);
    device.uid = claim.uid;
    device.model = claim.model;
    device.driver = claim.driver;
    device.backend = claim.backend;
    device.memory_bytes = claim.memory_bytes;
    device.retired_from = std::nullopt;
    device.active_from = active_from;
    if (!known) device.enrolled = now;
    return device;
}

Enrolled enrolled(const wire::Enrolment& claimed) {
    Enrolled out{node_id(claimed.key), {}};
    for (const wire::DeviceClaim& claim : claimed.devices)
        out.devices.push_back({claim.uid, device_id(claimed.key, claim.uid)});
    return out;
}

std::optional<Refusal> over_limit(const Known& known, const wire::Enrolment& claimed,
                                  std::size_t devices_ever) {
    std::size_t active = claimed.devices.size();
    std::size_t ever = known.devices.size();
    for (const DeviceRecord& device : known.devices) {
        const bool named =
            std::any_of(claimed.devices.begin(), claimed.devices.end(),
                        [&](const wire::DeviceClaim& c) { return c.uid == device.uid; });
        if (!named && !device.retired_from) ++active;
    }
    for (const wire::DeviceClaim& claim : claimed.devices)
        if (!known.find(claim.uid)) ++ever;
    if (active > wire::max_devices)
        return Refusal{RefusalReason::too_large,
                       std::to_string(active) + " devices where a node has at most " +
                           std::to_string(wire::max_devices) +
                           ": retire some, or enrol the others with a second node key",
                       {},
                       {}};
    if (ever > devices_ever)
        return Refusal{RefusalReason::too_large,
                       std::to_string(ever) + " devices over time where a node has at most " +
                           std::to_string(devices_ever),
                       {},
                       {}};
    return std::nullopt;
}

/// A window that is closed does not get another device, and one that came back does not change
/// windows from before it retired that are still open.
bool fits_the_books(Reader& reader, const Calendar& calendar,
                    const std::vector<DeviceRecord>& known, Instant now) {
    const auto closed = reader.last_closed_window();
    if (closed && now < calendar.span(*closed).end) return false;
    return std::none_of(known.begin(), known.end(), [&](const DeviceRecord& device) {
        return device.retired_from && calendar.day_at(now) >= *device.retired_from &&
               (!closed || *closed < calendar.first_window(*device.retired_from) - 1);
    });
}

}  // namespace

Enrolments::Enrolments(Store& store, Roster& roster, Schedule& schedule, EnrolmentLimits limits)
    : store_{store},
      roster_{roster},
      schedule_{schedule},
      limits_{limits},
      writes_left_{limits.burst} {}

bool Enrolments::may_write(Instant now) {
    if (!refilled_) refilled_ = now;
    const std::int64_t seconds = (now - *refilled_) / std::chrono::seconds{1};
    if (seconds > 0) {
        const std::int64_t most =
            limits_.burst / std::max<std::int64_t>(1, limits_.writes_per_second);
        writes_left_ = std::min(
            limits_.burst, writes_left_ + std::min(seconds, most + 1) * limits_.writes_per_second);
        refilled_ = now;
    }
    if (writes_left_ <= 0) return false;
    --writes_left_;
    return true;
}

CalibrationRecord Enrolments::next_calibration(const RosterDevice* known, DeviceRef ref,
                                               Instant now) const {
    CalibrationRecord calibration{.device = ref, .counter = 1, .beacon = {}, .issued = now};
    if (known && known->calibration) calibration.counter = known->calibration->counter + 1;
    edge::random_bytes(calibration.beacon.bytes);
    return calibration;
}

Expected<Enrolled, Refusal> Enrolments::enrol(const SignedEnrolment& enrolment, Instant now) {
    const wire::Enrolment& claimed = enrolment.claimed;
    const ByteVector text = wire::enrol_text(schedule_.network(), enrolment.content);
    if (!VerifyingKey{claimed.key}.verifies(text, enrolment.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this enrolment and network " +
                           to_hex(schedule_.network()));
    if (claimed.payout == PayoutAddress{})
        return refused(RefusalReason::bad_payout_address,
                       "the payout address is zero: nobody could be paid there");

    const std::lock_guard lock{mutex_};
    const NodeId id = node_id(claimed.key);
    Known known;
    store_.read([&](Reader& reader) {
        known.node = reader.node(id);
        known.devices =
            known.node ? reader.devices_of(known.node->ref) : std::vector<DeviceRecord>{};
    });
    const bool same = known.says(claimed);
    if (known.node && (claimed.sequence < known.node->sequence ||
                       (claimed.sequence == known.node->sequence && !same)))
        return refused(RefusalReason::stale_enrolment,
                       "sequence " + std::to_string(claimed.sequence) + " where " +
                           std::to_string(known.node->sequence) + " is in force");
    if (same) return enrolled(claimed);
    if (auto refusal = over_limit(known, claimed, limits_.devices_ever))
        return tl::unexpected{*std::move(refusal)};
    if (!known.node && roster_.node_count() >= limits_.nodes)
        return refused(RefusalReason::busy, "this verifier takes no more nodes", retry_when_full);
    if (!may_write(now))
        return refused(RefusalReason::busy, "too many enrolments at once", retry_when_busy);

    const NodeRecord node{.ref = known.node ? known.node->ref : NodeRef{},
                          .id = id,
                          .key = claimed.key,
                          .payout = claimed.payout,
                          .name = claimed.name,
                          .region = claimed.region,
                          .version = claimed.version,
                          .sequence = claimed.sequence,
                          .enrolled = known.node ? known.node->enrolled : now};
    std::vector<DeviceRecord> devices;
    std::vector<Beacon> beacons(claimed.devices.size());
    for (std::size_t i = 0; i < claimed.devices.size(); ++i) {
        const wire::DeviceClaim& claim = claimed.devices[i];
        const DeviceRecord* before = known.find(claim.uid);
        devices.push_back(
            device_record(claimed, claim, before, now, schedule_.active_from(before, now)));
        edge::random_bytes(beacons[i].bytes);
    }
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::enrol,
                               .node = id,
                               .received = now,
                               .content = enrolment.content,
                               .signature = enrolment.signature};
    bool too_early = false;
    store_.write([&](Transaction& transaction) {
        too_early = !fits_the_books(transaction, schedule_.calendar(), known.devices, now);
        if (too_early) return;
        NodeRecord saved_node = node;
        std::vector<DeviceRecord> saved = devices;
        transaction.enrol(entry, saved_node, saved);
        for (std::size_t i = 0; i < saved.size(); ++i)
            if (!known.find(saved[i].uid))
                transaction.add_calibration(
                    {.device = saved[i].ref, .counter = 1, .beacon = beacons[i], .issued = now},
                    std::nullopt, saved[i].request_sequence);
    });
    if (too_early)
        return refused(RefusalReason::busy, "the verifier is closing its books", retry_when_busy);
    roster_.refresh(id);
    return enrolled(claimed);
}

Expected<DeviceRecord, Refusal> Enrolments::load(const SignedDeviceRequest& request,
                                                 ByteSpan text) {
    const auto node = roster_.node(request.node);
    if (!node) return refused(RefusalReason::unknown_node, "the node is not enrolled here");
    if (!node->key.verifies(text, request.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this request and network " +
                           to_hex(schedule_.network()));
    std::optional<DeviceRecord> found;
    store_.read([&](Reader& reader) {
        found.reset();
        for (DeviceRecord& device : reader.devices_of(node->ref))
            if (device.id == request.request.device) found = std::move(device);
    });
    if (!found)
        return refused(RefusalReason::unknown_device, "device " + to_hex(request.request.device) +
                                                          " is not enrolled with this node");
    return *std::move(found);
}

Expected<ScheduledCheck, Refusal> Enrolments::request_calibration(
    const SignedDeviceRequest& request, Instant now) {
    const ByteVector text = wire::calibrate_text(schedule_.network(), request.request);
    const std::lock_guard lock{mutex_};
    const auto record = load(request, text);
    if (!record) return tl::unexpected{record.error()};
    const auto device = roster_.device(record->id);
    require(device != nullptr, "the roster knows every device of the store");
    const auto latest = device->calibration
                            ? std::optional{schedule_.calibration_of(*device, *device->calibration)}
                            : std::nullopt;
    const std::uint64_t sequence = request.request.sequence;
    if (latest && sequence == record->request_sequence && now <= latest->check.deadline)
        return *latest;
    if (sequence <= record->request_sequence)
        return refused(RefusalReason::stale_enrolment,
                       "sequence " + std::to_string(sequence) + " where " +
                           std::to_string(record->request_sequence) + " was used");
    if (!schedule_.takes_part(*device, now))
        return refused(RefusalReason::unknown_device, "the device was retired");
    const Milliseconds day = schedule_.calendar().day_length();
    if (latest && now < latest->check.start + day)
        return refused(RefusalReason::too_often, "a device is calibrated at most once a day",
                       latest->check.start + day - now);
    Instant free_from = now;
    for (const ScheduledCheck& open : schedule_.open_checks(*device, now))
        free_from = std::max(free_from, open.check.deadline);
    if (free_from > now)
        return refused(RefusalReason::busy, "a check of the device is running",
                       free_from - now + Milliseconds{1});
    if (!may_write(now))
        return refused(RefusalReason::busy, "too many requests at once", retry_when_busy);

    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::calibrate,
                               .node = request.node,
                               .received = now,
                               .content = {reinterpret_cast<const char*>(text.data()), text.size()},
                               .signature = request.signature};
    const CalibrationRecord calibration = next_calibration(device.get(), device->ref, now);
    store_.write([&](Transaction& transaction) {
        transaction.add_calibration(calibration, entry, sequence);
    });
    roster_.refresh(request.node);
    return schedule_.calibration_of(*device, calibration);
}

Expected<DayIndex, Refusal> Enrolments::retire(const SignedDeviceRequest& request, Instant now) {
    const ByteVector text = wire::retire_text(schedule_.network(), request.request);
    const std::lock_guard lock{mutex_};
    const auto record = load(request, text);
    if (!record) return tl::unexpected{record.error()};
    const std::uint64_t sequence = request.request.sequence;
    if (sequence == record->request_sequence && record->retired_from) return *record->retired_from;
    if (sequence <= record->request_sequence)
        return refused(RefusalReason::stale_enrolment,
                       "sequence " + std::to_string(sequence) + " where " +
                           std::to_string(record->request_sequence) + " was used");
    if (record->retired_from) return *record->retired_from;
    if (!may_write(now))
        return refused(RefusalReason::busy, "too many requests at once", retry_when_busy);

    const DayIndex retired_from = schedule_.calendar().day_at(now) + 2;
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::retire,
                               .node = request.node,
                               .received = now,
                               .content = {reinterpret_cast<const char*>(text.data()), text.size()},
                               .signature = request.signature};
    store_.write([&](Transaction& transaction) {
        transaction.retire(entry, record->ref, retired_from, sequence);
    });
    roster_.refresh(request.node);
    return retired_from;
}

Enrolments::Owed Enrolments::issue_owed_calibrations(const NodeId& id, Instant now) {
    const Milliseconds pause = schedule_.calendar().day_length() / 24;
    const std::lock_guard lock{mutex_};
    Owed owed;
    const auto node = roster_.node(id);
    if (!node) return owed;
    const auto look_again_at = [&](Instant then) {
        owed.look_again = std::min(owed.look_again.value_or(then), then);
    };
    std::vector<CalibrationRecord> issued;
    for (const DeviceId& device_id : node->devices) {
        const auto device = roster_.device(device_id);
        if (!device || device->baseline > 0 || !schedule_.takes_part(*device, now)) continue;
        Instant free_from = now;
        for (const ScheduledCheck& open : schedule_.open_checks(*device, now))
            free_from = std::max(free_from, open.check.deadline + Milliseconds{1});
        if (device->calibration)
            free_from = std::max(free_from, device->calibration->issued + pause);
        if (free_from > now) {
            look_again_at(free_from);
            continue;
        }
        issued.push_back(next_calibration(device.get(), device->ref, now));
        look_again_at(now + pause);
    }
    if (issued.empty()) return owed;
    if (!may_write(now)) {
        look_again_at(now + retry_when_busy);
        return owed;
    }
    store_.write([&](Transaction& transaction) {
        std::vector<DeviceRecord> devices = transaction.devices_of(node->ref);
        for (const CalibrationRecord& calibration : issued) {
            const auto record =
                std::find_if(devices.begin(), devices.end(),
                             [&](const DeviceRecord& d) { return d.ref == calibration.device; });
            require(record != devices.end(), "the store knows every device of the roster");
            transaction.add_calibration(calibration, std::nullopt, record->request_sequence);
        }
    });
    roster_.refresh(id);
    for (const CalibrationRecord& calibration : issued) {
        const auto device = roster_.device(calibration.device);
        owed.issued.emplace_back(device, schedule_.calibration_of(*device, calibration));
    }
    return owed;
}

}  // namespace vigil::verifier
