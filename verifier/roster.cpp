#include "verifier/roster.hpp"

#include <algorithm>
#include <set>

#include "core/base/require.hpp"

namespace vigil::verifier {
namespace {

constexpr std::int64_t entries_a_page = 1000;

struct Rates {
    std::map<DeviceRef, std::vector<std::uint64_t>> roll_calls;
    std::optional<WindowIndex> as_of;
};

Rates read_rates(Reader& reader) {
    Rates rates;
    for (auto& [ref, values] : reader.recent_roll_call_rates())
        rates.roll_calls.emplace(ref, std::move(values));
    rates.as_of = reader.last_closed_window();
    return rates;
}

std::map<DeviceRef, CalibrationRecord> by_device(std::vector<CalibrationRecord> records) {
    std::map<DeviceRef, CalibrationRecord> calibrations;
    for (CalibrationRecord& record : records)
        calibrations.emplace(record.device, std::move(record));
    return calibrations;
}

void set_roll_calls(RosterDevice& device, const Rates& rates) {
    device.as_of = rates.as_of;
    const auto found = rates.roll_calls.find(device.ref);
    if (found == rates.roll_calls.end() || found->second.empty()) return;
    device.roll_call_baseline = baseline(found->second, std::nullopt);
    device.baseline = *device.roll_call_baseline;
    device.calibrated.clear();
}

void set_calibrations(RosterDevice& device, std::vector<Calibrated> calibrated) {
    device.calibrated = std::move(calibrated);
    if (!device.calibrated.empty()) device.baseline = device.calibrated.back().rate;
}

}  // namespace

std::uint64_t RosterDevice::baseline_for(Instant window_begin) const {
    if (roll_call_baseline) return *roll_call_baseline;
    return calibrated_before(calibrated, window_begin);
}

Roster::Roster(Store& store) : store_{store} {
    store_.read([&](Reader& reader) {
        nodes_.clear();
        devices_.clear();
        ids_.clear();
        const auto calibrations = by_device(reader.latest_calibrations());
        const Rates rates = read_rates(reader);
        followed_ = reader.enrolment_count();
        std::map<NodeRef, std::vector<DeviceRecord>> of_node;
        for (DeviceRecord& device : reader.devices())
            of_node[device.node].push_back(std::move(device));
        for (const NodeRecord& node : reader.nodes()) put(node, of_node[node.ref], calibrations);
        const auto rated = reader.calibration_rates();
        as_of_ = rates.as_of;
        for (auto& [id, device] : devices_) {
            auto changed = std::make_shared<RosterDevice>(*device);
            set_roll_calls(*changed, rates);
            device = std::move(changed);
        }
        for (const auto& [ref, rate] : rated) {
            Device& device = devices_.at(ids_.at(ref));
            if (device->roll_call_baseline) continue;
            auto changed = std::make_shared<RosterDevice>(*device);
            set_calibrations(*changed, read_calibrated(reader, ref));
            device = std::move(changed);
        }
    });
}

std::shared_ptr<const RosterNode> Roster::node(const NodeId& id) const {
    const std::shared_lock lock{mutex_};
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : found->second;
}

std::shared_ptr<const RosterDevice> Roster::device(const DeviceId& id) const {
    const std::shared_lock lock{mutex_};
    const auto found = devices_.find(id);
    return found == devices_.end() ? nullptr : found->second;
}

std::shared_ptr<const RosterDevice> Roster::device(DeviceRef ref) const {
    const std::shared_lock lock{mutex_};
    const auto found = ids_.find(ref);
    return found == ids_.end() ? nullptr : devices_.at(found->second);
}

std::vector<std::shared_ptr<const RosterDevice>> Roster::devices() const {
    const std::shared_lock lock{mutex_};
    std::vector<Device> all;
    all.reserve(devices_.size());
    for (const auto& [id, device] : devices_) all.push_back(device);
    return all;
}

std::size_t Roster::node_count() const {
    const std::shared_lock lock{mutex_};
    return nodes_.size();
}

std::size_t Roster::device_count() const {
    const std::shared_lock lock{mutex_};
    return devices_.size();
}

std::uint64_t Roster::version() const {
    const std::shared_lock lock{mutex_};
    return version_;
}

std::optional<WindowIndex> Roster::as_of() const {
    const std::shared_lock lock{mutex_};
    return as_of_;
}

void Roster::put(const NodeRecord& node, std::span<const DeviceRecord> devices,
                 const std::map<DeviceRef, CalibrationRecord>& calibrations) {
    std::vector<DeviceId> ids;
    for (const DeviceRecord& record : devices) {
        ids.push_back(record.id);
        const auto known = devices_.find(record.id);
        auto device = known == devices_.end() ? std::make_shared<RosterDevice>()
                                              : std::make_shared<RosterDevice>(*known->second);
        device->ref = record.ref;
        device->id = record.id;
        device->node = node.id;
        device->enrolled = record.enrolled;
        device->active_from = record.active_from;
        device->retired_from = record.retired_from;
        device->as_of = as_of_;
        if (const auto found = calibrations.find(record.ref); found != calibrations.end())
            device->calibration = found->second;
        ids_.insert_or_assign(record.ref, record.id);
        devices_.insert_or_assign(record.id, std::move(device));
    }
    nodes_.insert_or_assign(
        node.id, std::make_shared<const RosterNode>(RosterNode{.ref = node.ref,
                                                               .id = node.id,
                                                               .key = VerifyingKey{node.key},
                                                               .sequence = node.sequence,
                                                               .devices = std::move(ids)}));
    ++version_;
}

/// A node as one snapshot of the store has it.
struct Roster::NodeRead {
    std::optional<NodeRecord> node;
    std::vector<DeviceRecord> devices;
    std::map<DeviceRef, CalibrationRecord> calibrations;
    std::map<DeviceRef, std::vector<Calibrated>> calibrated;  ///< of those without a roll call
    Rates rates;  ///< of devices that the roster does not show yet
};

Roster::NodeRead Roster::read_node(const NodeId& id) {
    NodeRead read;
    store_.read([&](Reader& reader) {
        read = {};
        read.node = reader.node(id);
        if (!read.node) return;
        read.devices = reader.devices_of(read.node->ref);
        read.calibrations = by_device(reader.latest_calibrations_of(read.node->ref));
        read.rates.as_of = reader.last_closed_window();
        for (const DeviceRecord& record : read.devices) {
            const Device known = device(record.id);
            if (!known) {
                auto rates = reader.recent_roll_call_rates_of(record.ref);
                if (!rates.empty()) read.rates.roll_calls.emplace(record.ref, std::move(rates));
            }
            if (known ? known->roll_call_baseline.has_value()
                      : read.rates.roll_calls.contains(record.ref))
                continue;
            read.calibrated.emplace(record.ref, read_calibrated(reader, record.ref));
        }
    });
    return read;
}

void Roster::refresh(const NodeId& id) {
    const std::lock_guard refreshing{refreshing_};
    const NodeRead read = read_node(id);
    require(read.node.has_value(), "a refreshed node is in the store");
    const std::unique_lock lock{mutex_};
    std::set<DeviceRef> known;
    for (const DeviceRecord& record : read.devices)
        if (devices_.contains(record.id)) known.insert(record.ref);
    put(*read.node, read.devices, read.calibrations);
    for (const DeviceRecord& record : read.devices) {
        auto changed = std::make_shared<RosterDevice>(*devices_.at(record.id));
        if (!known.contains(record.ref)) set_roll_calls(*changed, read.rates);
        const auto calibrated = read.calibrated.find(record.ref);
        if (calibrated != read.calibrated.end()) set_calibrations(*changed, calibrated->second);
        devices_.at(record.id) = std::move(changed);
    }
}

std::int64_t Roster::follow() {
    const std::lock_guard following{following_};
    const auto begun = std::chrono::steady_clock::now();
    std::int64_t count = 0;
    std::optional<WindowIndex> closed;
    store_.read([&](Reader& reader) {
        count = reader.enrolment_count();
        closed = reader.last_closed_window();
    });
    while (followed_ < count) {
        std::set<NodeId> changed;
        std::int64_t entries = 0;
        store_.read([&](Reader& reader) {
            changed.clear();
            const auto page = reader.enrolments(followed_, entries_a_page);
            entries = std::ssize(page);
            for (const EnrolmentEntry& entry : page) changed.insert(entry.node);
        });
        if (entries == 0) throw StoreFailed{"the store lacks enrolments that it counts"};
        for (const NodeId& id : changed) refresh(id);
        followed_ += entries;
    }
    if (closed != as_of()) refresh_baselines();
    looked_ = begun;
    return followed_;
}

bool Roster::follow_since(std::chrono::steady_clock::time_point moment, Milliseconds apart) {
    {
        const std::lock_guard following{following_};
        if (looked_ > moment) return true;
        if (std::chrono::steady_clock::now() - looked_ < apart) return false;
    }
    follow();
    return true;
}

void Roster::set_calibrated(const DeviceId& id, std::uint64_t rate) {
    const std::lock_guard refreshing{refreshing_};
    const Device known = device(id);
    if (!known || known->roll_call_baseline) return;
    std::vector<Calibrated> calibrated;
    store_.read([&](Reader& reader) { calibrated = read_calibrated(reader, known->ref); });
    auto changed = std::make_shared<RosterDevice>(*known);
    changed->baseline = rate;
    set_calibrations(*changed, std::move(calibrated));
    replace(std::move(changed));
}

void Roster::refresh_baselines() {
    const std::lock_guard refreshing{refreshing_};
    Rates rates;
    std::vector<Device> fresh;
    std::map<DeviceRef, std::vector<Calibrated>> calibrated;
    store_.read([&](Reader& reader) {
        rates = read_rates(reader);
        fresh = devices();
        calibrated.clear();
        // A calibration that another verifier took; it is told by its rate.
        for (const auto& [ref, rate] : reader.calibration_rates()) {
            const Device known = device(ref);
            if (!known || rates.roll_calls.contains(ref)) continue;
            if (known->calibrated.empty() || known->calibrated.back().rate != rate)
                calibrated.emplace(ref, read_calibrated(reader, ref));
        }
    });
    for (Device& device : fresh) {
        auto changed = std::make_shared<RosterDevice>(*device);
        set_roll_calls(*changed, rates);
        const auto found = calibrated.find(device->ref);
        if (found != calibrated.end()) set_calibrations(*changed, found->second);
        device = std::move(changed);
    }
    // Only refreshes write, and this one holds refreshing_: `fresh` is still everybody.
    const std::unique_lock lock{mutex_};
    as_of_ = rates.as_of;
    for (Device& device : fresh) devices_.at(device->id) = std::move(device);
}

void Roster::replace(std::shared_ptr<const RosterDevice> device) {
    const std::unique_lock lock{mutex_};
    const DeviceId id = device->id;
    devices_.insert_or_assign(id, std::move(device));
}

}  // namespace vigil::verifier
