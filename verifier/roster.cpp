#include "verifier/roster.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/require.hpp"
#include "core/uptime/judge.hpp"

namespace vigil::verifier {
namespace {

constexpr std::int64_t entries_a_page = 1000;

using Device = std::shared_ptr<const RosterDevice>;

void set_roll_calls(RosterDevice& device, std::span<const std::uint64_t> rates,
                    std::optional<WindowIndex> as_of) {
    device.as_of = as_of;
    if (rates.empty()) return;
    device.roll_call_baseline = baseline(rates, std::nullopt);
    device.baseline = *device.roll_call_baseline;
    device.calibrated.clear();
}

void set_calibrations(RosterDevice& device, std::vector<Calibrated> calibrated) {
    device.calibrated = std::move(calibrated);
    if (!device.calibrated.empty()) device.baseline = device.calibrated.back().rate;
}

void set_enrolled(RosterDevice& device, const auto& record, const NodeId& node) {
    device.ref = record.ref;
    device.id = record.id;
    device.node = node;
    device.enrolled = record.enrolled;
    device.active_from = record.active_from;
    device.retired_from = record.retired_from;
}

bool same_enrolment(const RosterDevice& a, const RosterDevice& b) {
    const auto counter = [](const RosterDevice& device) {
        return device.calibration ? device.calibration->counter : 0;
    };
    return a.node == b.node && a.enrolled == b.enrolled && a.active_from == b.active_from &&
           a.retired_from == b.retired_from && counter(a) == counter(b);
}

/// What is told by its rate: one that another verifier took may be missing here.
bool lacks_calibration(const RosterDevice& device, const BooksDevice& books) {
    return books.roll_call_rates.empty() && books.calibration_rate &&
           (device.calibrated.empty() || device.calibrated.back().rate != *books.calibration_rate);
}

/// `calibrations` ascending by device.
std::optional<CalibrationRecord> latest_of(std::span<const CalibrationRecord> calibrations,
                                           DeviceRef device) {
    const auto found =
        std::ranges::lower_bound(calibrations, device, {}, &CalibrationRecord::device);
    if (found == calibrations.end() || found->device != device) return std::nullopt;
    return *found;
}

std::shared_ptr<const RosterNode> roster_node(const NodeRecord& node, std::vector<DeviceId> ids) {
    return std::make_shared<const RosterNode>(RosterNode{.ref = node.ref,
                                                         .id = node.id,
                                                         .key = VerifyingKey{node.key},
                                                         .sequence = node.sequence,
                                                         .devices = std::move(ids)});
}

}  // namespace

std::uint64_t RosterDevice::baseline_for(Instant window_begin) const {
    if (roll_call_baseline) return *roll_call_baseline;
    return calibrated_before(calibrated, window_begin);
}

Roster::Roster(Store& store) : store_{store} {
    std::vector<NodeRecord> nodes;
    std::vector<std::vector<DeviceId>> ids;
    std::vector<Device> devices;
    store_.read([&](Reader& reader) {
        nodes = reader.nodes();
        ids.assign(nodes.size(), {});
        devices.clear();
        auto calibrations = reader.latest_calibrations();
        std::ranges::sort(calibrations, {}, &CalibrationRecord::device);
        followed_ = reader.enrolment_count();
        as_of_ = reader.last_closed_window();
        const Milliseconds window = window_length(reader);
        for (const std::uint8_t bucket : reader.buckets_with_devices())
            for (const BooksDevice& books : reader.books_devices(bucket)) {
                const auto node = std::ranges::lower_bound(nodes, books.node, {}, &NodeRecord::ref);
                require(node != nodes.end() && node->ref == books.node, "a device has a node");
                ids[static_cast<std::size_t>(node - nodes.begin())].push_back(books.id);
                auto device = std::make_shared<RosterDevice>();
                set_enrolled(*device, books, node->id);
                device->calibration = latest_of(calibrations, books.ref);
                set_roll_calls(*device, books.roll_call_rates, as_of_);
                if (lacks_calibration(*device, books))
                    set_calibrations(*device, read_calibrated(reader, books.ref, window));
                devices.push_back(std::move(device));
            }
    });
    for (Device& device : devices) place(std::move(device));
    for (std::size_t i = 0; i < nodes.size(); ++i)
        nodes_.emplace(nodes[i].id, roster_node(nodes[i], std::move(ids[i])));
    version_ = 1;
}

std::shared_ptr<const RosterNode> Roster::node(const NodeId& id) const {
    const std::shared_lock lock{mutex_};
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? nullptr : found->second;
}

const Roster::Device* Roster::at(DeviceRef ref) const {
    const auto& bucket = buckets_[ref.bucket];
    if (ref.number < 1 || ref.number > std::ssize(bucket)) return nullptr;
    const Device& found = bucket[static_cast<std::size_t>(ref.number - 1)];
    return found ? &found : nullptr;
}

Device Roster::device(const DeviceId& id) const {
    const std::shared_lock lock{mutex_};
    const auto ref = index_.find(id, [&](DeviceRef one) { return (*at(one))->id; });
    return ref ? *at(*ref) : nullptr;
}

Device Roster::device(DeviceRef ref) const {
    const std::shared_lock lock{mutex_};
    const Device* found = at(ref);
    return found != nullptr ? *found : nullptr;
}

std::vector<Device> Roster::devices() const {
    std::vector<Device> all;
    std::uint64_t version{};
    {
        const std::shared_lock lock{mutex_};
        all.reserve(device_count_);
        version = version_;
        if (order_version_ == version) {
            for (const DeviceRef ref : order_) all.push_back(*at(ref));
            return all;
        }
        for (const auto& bucket : buckets_)
            for (const Device& device : bucket)
                if (device) all.push_back(device);
    }
    std::ranges::sort(all, [](const Device& a, const Device& b) { return a->id < b->id; });
    std::vector<DeviceRef> order(all.size());
    std::ranges::transform(all, order.begin(), [](const Device& device) { return device->ref; });
    const std::unique_lock lock{mutex_};
    order_ = std::move(order);
    order_version_ = version;
    return all;
}

std::vector<Device> Roster::devices_after(std::uint8_t bucket, std::int64_t after,
                                          std::size_t most) const {
    const std::shared_lock lock{mutex_};
    std::vector<Device> found;
    DeviceRef ref{bucket, after + 1};
    for (const Device* device = at(ref); device != nullptr && found.size() < most;
         ++ref.number, device = at(ref))
        found.push_back(*device);
    return found;
}

std::size_t Roster::node_count() const {
    const std::shared_lock lock{mutex_};
    return nodes_.size();
}

std::size_t Roster::device_count() const {
    const std::shared_lock lock{mutex_};
    return device_count_;
}

std::uint64_t Roster::version() const {
    const std::shared_lock lock{mutex_};
    return version_;
}

std::optional<WindowIndex> Roster::as_of() const {
    const std::shared_lock lock{mutex_};
    return as_of_;
}

void Roster::place(Device device) {
    const DeviceRef ref = device->ref;
    auto& bucket = buckets_[ref.bucket];
    if (ref.number > std::ssize(bucket)) bucket.resize(static_cast<std::size_t>(ref.number));
    Device& known = bucket[static_cast<std::size_t>(ref.number - 1)];
    const bool fresh = !known;
    known = std::move(device);
    if (!fresh) return;
    index_.add(known->id, ref, [&](DeviceRef one) { return (*at(one))->id; });
    ++device_count_;
}

void Roster::put(const NodeRecord& node, std::span<const DeviceRecord> devices,
                 std::span<const CalibrationRecord> calibrations) {
    bool changed = false;
    std::vector<DeviceId> ids;
    for (const DeviceRecord& record : devices) {
        ids.push_back(record.id);
        const Device* known = at(record.ref);
        auto device = known != nullptr ? std::make_shared<RosterDevice>(**known)
                                       : std::make_shared<RosterDevice>();
        if (known == nullptr) device->as_of = as_of_;
        set_enrolled(*device, record, node.id);
        if (auto latest = latest_of(calibrations, record.ref)) device->calibration = *latest;
        changed = changed || known == nullptr || !same_enrolment(**known, *device);
        place(std::move(device));
    }
    auto& known = nodes_[node.id];
    changed = changed || !known || known->sequence != node.sequence || known->devices != ids;
    known = roster_node(node, std::move(ids));
    // Whoever watches it reads everything again.
    if (changed) ++version_;
}

/// A node as one snapshot of the store has it.
struct Roster::NodeRead {
    std::optional<NodeRecord> node;
    std::vector<DeviceRecord> devices;
    std::vector<CalibrationRecord> calibrations;                ///< ascending by device
    std::map<DeviceRef, std::vector<Calibrated>> calibrated;    ///< of those without a roll call
    std::map<DeviceRef, std::vector<std::uint64_t>> newcomers;  ///< with their roll calls' rates
    std::optional<WindowIndex> as_of;
};

Roster::NodeRead Roster::read_node(const NodeId& id) {
    NodeRead read;
    store_.read([&](Reader& reader) {
        read = {};
        read.node = reader.node(id);
        if (!read.node) return;
        read.devices = reader.devices_of(read.node->ref);
        read.calibrations = reader.latest_calibrations_of(read.node->ref);
        read.as_of = reader.last_closed_window();
        const Milliseconds window = window_length(reader);
        for (const DeviceRecord& record : read.devices) {
            const Device known = device(record.ref);
            bool rated = known && known->roll_call_baseline;
            if (!known) {
                auto rates = reader.recent_roll_call_rates_of(record.ref);
                rated = !rates.empty();
                read.newcomers.emplace(record.ref, std::move(rates));
            }
            if (!rated)
                read.calibrated.emplace(record.ref, read_calibrated(reader, record.ref, window));
        }
    });
    std::ranges::sort(read.calibrations, {}, &CalibrationRecord::device);
    return read;
}

void Roster::await_refresh() { const std::lock_guard over{refreshing_}; }

void Roster::refresh(const NodeId& id) {
    const std::lock_guard refreshing{refreshing_};
    NodeRead read = read_node(id);
    require(read.node.has_value(), "a refreshed node is in the store");
    const std::unique_lock lock{mutex_};
    put(*read.node, read.devices, read.calibrations);
    for (const DeviceRecord& record : read.devices) {
        auto changed = std::make_shared<RosterDevice>(**at(record.ref));
        if (const auto rates = read.newcomers.find(record.ref); rates != read.newcomers.end())
            set_roll_calls(*changed, rates->second, read.as_of);
        const auto calibrated = read.calibrated.find(record.ref);
        if (calibrated != read.calibrated.end())
            set_calibrations(*changed, std::move(calibrated->second));
        place(std::move(changed));
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

void Roster::follow_since(std::chrono::steady_clock::time_point moment) {
    {
        const std::lock_guard following{following_};
        if (looked_ > moment) return;
    }
    follow();
}

void Roster::set_calibrated(const DeviceId& id, std::uint64_t rate) {
    const std::lock_guard refreshing{refreshing_};
    const Device known = device(id);
    if (!known || known->roll_call_baseline) return;
    std::vector<Calibrated> calibrated;
    store_.read([&](Reader& reader) {
        calibrated = read_calibrated(reader, known->ref, window_length(reader));
    });
    auto changed = std::make_shared<RosterDevice>(*known);
    changed->baseline = rate;
    set_calibrations(*changed, std::move(calibrated));
    const std::unique_lock lock{mutex_};
    place(std::move(changed));
}

void Roster::refresh_baselines() {
    std::optional<WindowIndex> reached;
    store_.read([&](Reader& reader) { reached = reader.last_closed_window(); });
    for (int bucket = 0; bucket < static_cast<int>(buckets_.size()); ++bucket)
        refresh_bucket(static_cast<std::uint8_t>(bucket));
    const std::unique_lock lock{mutex_};
    as_of_ = std::max(as_of_, reached);
}

/// Only refreshes write, and this one holds refreshing_: what is read here is still there when it
/// is replaced.
void Roster::refresh_bucket(std::uint8_t bucket) {
    const std::lock_guard refreshing{refreshing_};
    std::vector<Device> devices;
    {
        const std::shared_lock lock{mutex_};
        devices = buckets_[bucket];
    }
    if (devices.empty()) return;
    store_.read([&](Reader& reader) {
        std::vector<Device> fresh;
        fresh.reserve(devices.size());
        const auto books = reader.books_devices(bucket);
        const auto as_of = reader.last_closed_window();
        const Milliseconds window = window_length(reader);
        for (const Device& device : devices) {
            fresh.push_back(device);
            if (!device) continue;
            const auto found = std::ranges::lower_bound(books, device->ref, {}, &BooksDevice::ref);
            require(found != books.end() && found->ref == device->ref,
                    "a device stays in the store");
            auto changed = std::make_shared<RosterDevice>(*device);
            set_roll_calls(*changed, found->roll_call_rates, as_of);
            if (lacks_calibration(*changed, *found))
                set_calibrations(*changed, read_calibrated(reader, device->ref, window));
            fresh.back() = std::move(changed);
        }
        devices.swap(fresh);
    });
    const std::unique_lock lock{mutex_};
    buckets_[bucket].swap(devices);
}

}  // namespace vigil::verifier
