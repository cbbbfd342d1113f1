#include "verifier/enrolment.hpp"

#include <algorithm>

#include "core/base/ids.hpp"
#include "proto/edge/files.hpp"
#include "verifier/refused.hpp"

namespace vigil::verifier {
namespace {

using wire::Refusal;
using wire::RefusalReason;

constexpr Milliseconds retry_when_busy{5'000};
constexpr Milliseconds retry_when_full{3'600'000};

bool claims_the_same(const NodeRecord& node, const wire::Enrolment& claimed) {
    return node.payout == claimed.payout && node.name == claimed.name &&
           node.region == claimed.region && node.version == claimed.version;
}

bool claims_the_same(const DeviceRecord& device, const wire::DeviceClaim& claim) {
    return device.model == claim.model && device.driver == claim.driver &&
           device.backend == claim.backend && device.memory_bytes == claim.memory_bytes;
}

const DeviceRecord* find(const std::vector<DeviceRecord>& devices, std::string_view uid) {
    const auto found = std::find_if(devices.begin(), devices.end(),
                                    [&](const DeviceRecord& d) { return d.uid == uid; });
    return found == devices.end() ? nullptr : &*found;
}

bool claims_the_same(const NodeRecord& node, const std::vector<DeviceRecord>& devices,
                     const wire::Enrolment& claimed) {
    return claims_the_same(node, claimed) &&
           std::all_of(claimed.devices.begin(), claimed.devices.end(), [&](const auto& claim) {
               const DeviceRecord* device = find(devices, claim.uid);
               return device && claims_the_same(*device, claim);
           });
}

bool takes_one_back(const std::vector<DeviceRecord>& devices, const wire::Enrolment& claimed) {
    return std::any_of(claimed.devices.begin(), claimed.devices.end(), [&](const auto& claim) {
        const DeviceRecord* device = find(devices, claim.uid);
        return device && device->retired_from;
    });
}

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

std::optional<Refusal> over_limit(const std::vector<DeviceRecord>& known,
                                  const wire::Enrolment& claimed, std::size_t devices_ever) {
    std::size_t active = claimed.devices.size();
    std::size_t ever = known.size();
    for (const DeviceRecord& device : known) {
        const bool named =
            std::any_of(claimed.devices.begin(), claimed.devices.end(),
                        [&](const wire::DeviceClaim& c) { return c.uid == device.uid; });
        if (!named && !device.retired_from) ++active;
    }
    for (const wire::DeviceClaim& claim : claimed.devices)
        if (!find(known, claim.uid)) ++ever;
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

/// A device that came back does not change windows from before it retired that are still open.
bool fits_the_books(Reader& reader, const Calendar& calendar,
                    const std::vector<DeviceRecord>& known, Instant now) {
    const auto closed = reader.last_closed_window();
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
      enrolling_{limits.enrolments},
      requesting_{limits.requests} {}

Enrolments::Known Enrolments::known(const NodeId& id) {
    Known known;
    store_.read([&](Reader& reader) {
        known = {};
        known.node = reader.node(id);
        if (!known.node) return;
        known.devices = reader.devices_of(known.node->ref);
        known.calibrations = reader.latest_calibrations_of(known.node->ref);
    });
    return known;
}

void Enrolments::show(const Known& known) {
    const auto node = roster_.node(known.node->id);
    bool shown = node && node->sequence == known.node->sequence;
    for (const DeviceRecord& record : known.devices) {
        const auto device = roster_.device(record.id);
        shown = shown && device && device->active_from == record.active_from &&
                device->retired_from == record.retired_from;
    }
    for (const CalibrationRecord& calibration : known.calibrations) {
        const auto device = roster_.device(calibration.device);
        shown = shown && device && device->calibration &&
                device->calibration->counter == calibration.counter;
    }
    if (!shown) roster_.refresh(known.node->id);
}

bool Enrolments::hold(Transaction& tx, const NodeId& id, const Known& known) {
    tx.hold_enrolments();
    const auto node = tx.node(id);
    if (node.has_value() != known.node.has_value()) return false;
    if (!node) return true;
    const auto devices = tx.devices_of(node->ref);
    const auto calibrations = tx.latest_calibrations_of(node->ref);
    return node->sequence == known.node->sequence &&
           std::equal(devices.begin(), devices.end(), known.devices.begin(), known.devices.end(),
                      [](const DeviceRecord& a, const DeviceRecord& b) {
                          return a.id == b.id && a.request_sequence == b.request_sequence &&
                                 a.active_from == b.active_from && a.retired_from == b.retired_from;
                      }) &&
           std::equal(calibrations.begin(), calibrations.end(), known.calibrations.begin(),
                      known.calibrations.end(),
                      [](const CalibrationRecord& a, const CalibrationRecord& b) {
                          return a.device == b.device && a.counter == b.counter;
                      });
}

bool Enrolments::in_closed_window(Reader& reader, Instant now) const {
    const auto closing = reader.last_closing();
    return closing && now < schedule_.calendar().span(closing->window).end;
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
    const Known known = this->known(id);
    if (known.node) show(known);
    const bool same = known.node && claims_the_same(*known.node, known.devices, claimed);
    if (known.node && (claimed.sequence < known.node->sequence ||
                       (claimed.sequence == known.node->sequence && !same)))
        return refused(RefusalReason::stale_enrolment,
                       "sequence " + std::to_string(claimed.sequence) + " where " +
                           std::to_string(known.node->sequence) + " is in force");
    // The one in force changes nothing, not even for a device that was retired since (protocol 11).
    const bool repeated = same && claimed.sequence == known.node->sequence;
    if (repeated || (same && !takes_one_back(known.devices, claimed))) return enrolled(claimed);
    if (auto refusal = over_limit(known.devices, claimed, limits_.devices_ever))
        return tl::unexpected{*std::move(refusal)};
    if (!known.node && roster_.node_count() >= limits_.nodes)
        return refused(RefusalReason::busy, "this verifier takes no more nodes", retry_when_full);
    if (!enrolling_.take(1 + std::ssize(claimed.devices), now))
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
        const DeviceRecord* before = find(known.devices, claim.uid);
        devices.push_back(
            device_record(claimed, claim, before, now, schedule_.active_from(before, now)));
        edge::random_bytes(beacons[i].bytes);
    }
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::enrol,
                               .node = id,
                               .received = now,
                               .content = enrolment.content,
                               .signature = enrolment.signature};
    bool too_early = false, overtaken = false;
    store_.write([&](Transaction& transaction) {
        overtaken = !hold(transaction, id, known);
        if (overtaken) return;
        too_early = in_closed_window(transaction, now) ||
                    !fits_the_books(transaction, schedule_.calendar(), known.devices, now);
        if (too_early) return;
        NodeRecord saved_node = node;
        std::vector<DeviceRecord> saved = devices;
        transaction.enrol(entry, saved_node, saved);
        for (std::size_t i = 0; i < saved.size(); ++i)
            if (!find(known.devices, saved[i].uid))
                transaction.add_calibration(
                    {.device = saved[i].ref, .counter = 1, .beacon = beacons[i], .issued = now},
                    std::nullopt, saved[i].request_sequence);
    });
    if (overtaken) return refused_overtaken();
    if (too_early)
        return refused(RefusalReason::busy, "the verifier is closing its books", retry_when_busy);
    roster_.refresh(id);
    return enrolled(claimed);
}

}  // namespace vigil::verifier
