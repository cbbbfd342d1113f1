#include "verifier/replay_requests.hpp"

#include <algorithm>

#include "core/base/ids.hpp"
#include "core/crypto/ed25519.hpp"
#include "proto/enrolment_bytes.hpp"
#include "proto/signed_texts.hpp"

namespace vigil::verifier::replaying {
namespace {

constexpr std::size_t tag_size = 32;

/// tag ‖ network ‖ device ‖ u64(sequence), the texts of protocol 11; whether the tag and network
/// are right is for the caller to compare.
std::optional<wire::DeviceRequest> request_of(const std::string& content) {
    constexpr std::size_t device_at = tag_size + NetworkId::size;
    constexpr std::size_t sequence_at = device_at + DeviceId::size;
    if (content.size() != sequence_at + 8) return std::nullopt;
    wire::DeviceRequest request;
    std::copy_n(content.begin() + device_at, DeviceId::size, request.device.bytes.begin());
    for (std::size_t i = sequence_at; i < content.size(); ++i)
        request.sequence = request.sequence << 8 | static_cast<std::uint8_t>(content[i]);
    return request;
}

bool same(const ByteVector& text, const std::string& content) {
    return std::equal(text.begin(), text.end(), content.begin(), content.end(),
                      [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); });
}

NodeRecord node_record(const EnrolmentEntry& entry, const wire::Enrolment& claimed) {
    return {.ref = {},
            .id = entry.node,
            .key = claimed.key,
            .payout = claimed.payout,
            .name = claimed.name,
            .region = claimed.region,
            .version = claimed.version,
            .sequence = claimed.sequence,
            .enrolled = entry.received};
}

/// Of a device that is new: the store keeps a known one's number and time of enrolment.
DeviceRecord device_record(const EnrolmentEntry& entry, const wire::Enrolment& claimed,
                           const wire::DeviceClaim& claim, Instant active_from) {
    return {.ref = {},
            .node = {},
            .id = device_id(claimed.key, claim.uid),
            .uid = claim.uid,
            .model = claim.model,
            .driver = claim.driver,
            .backend = claim.backend,
            .memory_bytes = claim.memory_bytes,
            .enrolled = entry.received,
            .active_from = active_from,
            .retired_from = std::nullopt,
            .request_sequence = 0};
}

}  // namespace

void Requests::differ(const EnrolmentEntry& entry, const std::string& why) {
    report_.differ([&] {
        return "request of node " + to_hex(entry.node) + " received at " +
               std::to_string(to_ms(entry.received)) + " ms: " + why;
    });
}

std::optional<NodeId> Requests::node(NodeRef ref) const {
    const auto found = nodes_.find(ref);
    return found == nodes_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<NodeId> Requests::apply(const EnrolmentEntry& entry) {
    ++count_;
    const bool changed =
        entry.kind == EnrolmentEntry::Kind::enrol ? enrol(entry) : take_device_request(entry);
    return changed ? std::optional{entry.node} : std::nullopt;
}

bool Requests::enrol(const EnrolmentEntry& entry) {
    const auto claimed = wire::enrolment_from_bytes(entry.content);
    if (!claimed) {
        differ(entry, "its enrolment cannot be read: " + claimed.error().message);
        return false;
    }
    if (node_id(claimed->key) != entry.node) {
        differ(entry, "its enrolment is of node " + to_hex(node_id(claimed->key)));
        return false;
    }
    if (!VerifyingKey{claimed->key}.verifies(wire::enrol_text(schedule_.network(), entry.content),
                                             entry.signature))
        differ(entry, "the signature under its enrolment is wrong");
    bool stale = false;
    store_.write([&](Transaction& tx) {
        const auto known = tx.node(entry.node);
        stale = known && claimed->sequence <= known->sequence;
        NodeRecord node = node_record(entry, *claimed);
        const auto before = known ? tx.devices_of(known->ref) : std::vector<DeviceRecord>{};
        std::vector<DeviceRecord> devices;
        for (const wire::DeviceClaim& claim : claimed->devices) {
            const auto same = std::find_if(before.begin(), before.end(),
                                           [&](const auto& d) { return d.uid == claim.uid; });
            const DeviceRecord* device = same == before.end() ? nullptr : &*same;
            devices.push_back(device_record(entry, *claimed, claim,
                                            schedule_.active_from(device, entry.received)));
        }
        tx.enrol(entry, node, devices);
        nodes_[node.ref] = entry.node;
    });
    if (stale) differ(entry, "its enrolment is older than the one in force");
    return true;
}

bool Requests::take_device_request(const EnrolmentEntry& entry) {
    const auto request = request_of(entry.content);
    const bool retires = entry.kind == EnrolmentEntry::Kind::retire;
    const auto text_of = retires ? wire::retire_text : wire::calibrate_text;
    if (!request || !same(text_of(schedule_.network(), *request), entry.content)) {
        differ(entry, "its text is none of this network");
        return false;
    }
    std::optional<NodeRecord> node;
    std::optional<DeviceRecord> device;
    store_.read([&](Reader& reader) {
        node = reader.node(entry.node);
        if (!node) return;
        for (DeviceRecord& candidate : reader.devices_of(node->ref))
            if (candidate.id == request->device) device = std::move(candidate);
    });
    if (!device) {
        differ(entry, "names device " + to_hex(request->device) + ", which is not the node's");
        return false;
    }
    const ByteVector text{entry.content.begin(), entry.content.end()};
    if (!VerifyingKey{node->key}.verifies(text, entry.signature))
        differ(entry, "the signature is wrong");
    if (request->sequence <= device->request_sequence)
        differ(entry, "sequence " + std::to_string(request->sequence) + " where " +
                          std::to_string(device->request_sequence) + " was used");
    if (!retires) {
        asked_[device->id] = {entry, request->sequence};
        return false;
    }
    const DayIndex retired_from = schedule_.calendar().day_at(entry.received) + 2;
    store_.write(
        [&](Transaction& tx) { tx.retire(entry, device->ref, retired_from, request->sequence); });
    return true;
}

void Requests::apply(const CalibrationRecord& calibration, const DeviceId& device) {
    const auto asked = asked_.find(device);
    const bool on_request =
        asked != asked_.end() && asked->second.entry.received == calibration.issued;
    store_.write([&](Transaction& tx) {
        if (on_request)
            tx.add_calibration(calibration, asked->second.entry, asked->second.sequence);
        else
            tx.add_calibration(calibration, std::nullopt, 0);
    });
    if (on_request) asked_.erase(asked);
}

void Requests::finish() {
    for (const auto& [device, asked] : asked_)
        differ(asked.entry, "no calibration of device " + to_hex(device) + " came of it");
}

}  // namespace vigil::verifier::replaying
