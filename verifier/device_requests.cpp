#include <algorithm>

#include "proto/edge/files.hpp"
#include "verifier/enrolment.hpp"
#include "verifier/refused.hpp"

namespace vigil::verifier {
namespace {

using wire::Refusal;
using wire::RefusalReason;

constexpr Milliseconds retry_when_busy{5'000};

tl::unexpected<Refusal> closing_its_books() {
    return refused(RefusalReason::busy, "the verifier is closing its books", retry_when_busy);
}

}  // namespace

CalibrationRecord Enrolments::next_calibration(const RosterDevice* known, DeviceRef ref,
                                               Instant now) const {
    CalibrationRecord calibration{.device = ref, .counter = 1, .beacon = {}, .issued = now};
    if (known && known->calibration) calibration.counter = known->calibration->counter + 1;
    edge::random_bytes(calibration.beacon.bytes);
    return calibration;
}

Expected<Enrolments::Loaded, Refusal> Enrolments::load(const SignedDeviceRequest& request,
                                                       ByteSpan text) {
    auto node = roster_.node(request.node);
    if (!node) {
        roster_.follow();
        node = roster_.node(request.node);
    }
    if (!node) return refused(RefusalReason::unknown_node, "the node is not enrolled here");
    if (!node->key.verifies(text, request.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this request and network " +
                           to_hex(schedule_.network()));
    Known known = this->known(request.node);
    if (known.node) show(known);
    for (const DeviceRecord& device : known.devices)
        if (device.id == request.request.device) return Loaded{device, std::move(known)};
    return refused(RefusalReason::unknown_device,
                   "device " + to_hex(request.request.device) + " is not enrolled with this node");
}

Expected<ScheduledCheck, Refusal> Enrolments::request_calibration(
    const SignedDeviceRequest& request, Instant now) {
    const ByteVector text = wire::calibrate_text(schedule_.network(), request.request);
    const std::lock_guard lock{mutex_};
    const auto loaded = load(request, text);
    if (!loaded) return tl::unexpected{loaded.error()};
    const DeviceRecord* record = &loaded->device;
    const auto device = roster_.device(record->id);
    if (!device)
        return refused(RefusalReason::unavailable,
                       "the verifier could not read its store; nothing was decided",
                       retry_when_busy);
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
    if (!requesting_.take(1, now))
        return refused(RefusalReason::busy, "too many requests at once", retry_when_busy);

    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::calibrate,
                               .node = request.node,
                               .received = now,
                               .content = {reinterpret_cast<const char*>(text.data()), text.size()},
                               .signature = request.signature};
    const CalibrationRecord calibration = next_calibration(device.get(), device->ref, now);
    bool too_early = false, overtaken = false;
    store_.write([&](Transaction& transaction) {
        overtaken = !hold(transaction, request.node, loaded->known);
        too_early = in_closed_window(transaction, now);
        if (!too_early && !overtaken) transaction.add_calibration(calibration, entry, sequence);
    });
    if (overtaken) return refused_overtaken();
    if (too_early) return closing_its_books();
    roster_.refresh(request.node);
    return schedule_.calibration_of(*device, calibration);
}

Expected<DayIndex, Refusal> Enrolments::retire(const SignedDeviceRequest& request, Instant now) {
    const ByteVector text = wire::retire_text(schedule_.network(), request.request);
    const std::lock_guard lock{mutex_};
    const auto loaded = load(request, text);
    if (!loaded) return tl::unexpected{loaded.error()};
    const DeviceRecord* record = &loaded->device;
    const std::uint64_t sequence = request.request.sequence;
    if (sequence == record->request_sequence && record->retired_from) return *record->retired_from;
    if (sequence <= record->request_sequence)
        return refused(RefusalReason::stale_enrolment,
                       "sequence " + std::to_string(sequence) + " where " +
                           std::to_string(record->request_sequence) + " was used");
    if (record->retired_from) return *record->retired_from;
    if (!requesting_.take(1, now))
        return refused(RefusalReason::busy, "too many requests at once", retry_when_busy);

    const DayIndex retired_from = schedule_.calendar().day_at(now) + 2;
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::retire,
                               .node = request.node,
                               .received = now,
                               .content = {reinterpret_cast<const char*>(text.data()), text.size()},
                               .signature = request.signature};
    bool too_early = false, overtaken = false;
    store_.write([&](Transaction& transaction) {
        overtaken = !hold(transaction, request.node, loaded->known);
        too_early = in_closed_window(transaction, now);
        if (!too_early && !overtaken)
            transaction.retire(entry, record->ref, retired_from, sequence);
    });
    if (overtaken) return refused_overtaken();
    if (too_early) return closing_its_books();
    roster_.refresh(request.node);
    return retired_from;
}

Enrolments::Owed Enrolments::issue_owed_calibrations(const NodeId& id, Instant now) {
    const Milliseconds pause = schedule_.calendar().day_length() / 24;
    const std::lock_guard lock{mutex_};
    Owed owed;
    auto node = roster_.node(id);
    if (!node) return owed;
    const bool one_waits =
        std::any_of(node->devices.begin(), node->devices.end(), [&](const DeviceId& device_id) {
            const auto device = roster_.device(device_id);
            return device && device->baseline == 0;
        });
    if (!one_waits) return owed;
    // Another verifier may have issued one, or taken the answer.
    roster_.refresh(id);
    node = roster_.node(id);
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
    if (!requesting_.take(std::ssize(issued), now)) {
        look_again_at(now + retry_when_busy);
        return owed;
    }
    bool too_early = false;
    store_.write([&](Transaction& transaction) {
        too_early = in_closed_window(transaction, now);
        if (too_early) return;
        std::vector<DeviceRecord> devices = transaction.devices_of(node->ref);
        for (const CalibrationRecord& calibration : issued) {
            const auto record =
                std::find_if(devices.begin(), devices.end(),
                             [&](const DeviceRecord& d) { return d.ref == calibration.device; });
            if (record == devices.end())
                throw StoreFailed{"the store lacks a device of node " + to_hex(id) +
                                  " that it held before"};
            transaction.add_calibration(calibration, std::nullopt, record->request_sequence);
        }
    });
    if (too_early) {
        look_again_at(now + retry_when_busy);
        return owed;
    }
    roster_.refresh(id);
    for (const CalibrationRecord& calibration : issued) {
        // As the store has it: one whose refresh failed was issued before.
        const auto device = roster_.device(calibration.device);
        if (!device || !device->calibration) continue;  // the store lost them again
        owed.issued.emplace_back(device, schedule_.calibration_of(*device, *device->calibration));
    }
    return owed;
}

}  // namespace vigil::verifier
