#include "verifier/roster.hpp"

#include <algorithm>
#include <set>
#include <utility>

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

bool same_entry(const EnrolmentEntry& a, const std::optional<EnrolmentEntry>& b) {
    return b && a.kind == b->kind && a.node == b->node && a.received == b->received &&
           a.signature == b->signature;
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

/// As one snapshot of the store has it.
struct Roster::Everything {
    std::vector<NodeRecord> nodes;
    std::vector<std::vector<DeviceId>> ids;  ///< of each node's devices
    std::vector<Device> devices;
    std::int64_t enrolments{};
    std::optional<EnrolmentEntry> last_enrolment;
    std::optional<WindowIndex> as_of;
};

Roster::Roster(Store& store) : store_{store} {
    show(read_everything());
    version_ = 1;
}

Roster::Everything Roster::read_everything() const {
    Everything all;
    store_.read([&](Reader& reader) {
        all = {};
        all.nodes = reader.nodes();
        all.ids.assign(all.nodes.size(), {});
        auto calibrations = reader.latest_calibrations();
        std::ranges::sort(calibrations, {}, &CalibrationRecord::device);
        all.enrolments = reader.enrolment_count();
        if (all.enrolments > 0)
            for (EnrolmentEntry& entry : reader.enrolments(all.enrolments - 1, 1))
                all.last_enrolment = std::move(entry);
        all.as_of = reader.last_closed_window();
        const Milliseconds window = window_length(reader);
        for (const std::uint8_t bucket : reader.buckets_with_devices())
            for (const BooksDevice& books : reader.books_devices(bucket)) {
                const auto node =
                    std::ranges::lower_bound(all.nodes, books.node, {}, &NodeRecord::ref);
                if (node == all.nodes.end() || node->ref != books.node)
                    throw StoreFailed{"the store lacks the node of device " + to_hex(books.id) +
                                      "; it is damaged: restore the last copy of it"};
                all.ids[static_cast<std::size_t>(node - all.nodes.begin())].push_back(books.id);
                auto device = std::make_shared<RosterDevice>();
                set_enrolled(*device, books, node->id);
                device->calibration = latest_of(calibrations, books.ref);
                set_roll_calls(*device, books.roll_call_rates, all.as_of);
                if (lacks_calibration(*device, books))
                    set_calibrations(*device, read_calibrated(reader, books.ref, window));
                all.devices.push_back(std::move(device));
            }
    });
    return all;
}

void Roster::show(Everything all) {
    followed_ = all.enrolments;
    followed_entry_ = std::move(all.last_enrolment);
    as_of_ = all.as_of;
    nodes_.clear();
    for (auto& bucket : buckets_) bucket.clear();
    index_.clear();
    device_count_ = 0;
    for (Device& device : all.devices) place(std::move(device));
    for (std::size_t i = 0; i < all.nodes.size(); ++i)
        nodes_.emplace(all.nodes[i].id, roster_node(all.nodes[i], std::move(all.ids[i])));
}

void Roster::read_anew() {
    const Refreshing refreshing{*this};
    Everything all = read_everything();
    const std::unique_lock lock{mutex_};
    show(std::move(all));
    tell_again();
    lacks_rows_ = false;
    ++version_;
    ++readings_;
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

Roster::Refreshing::Refreshing(Roster& roster) : lock_{roster.refreshing_}, roster_{roster} {
    const std::unique_lock lock{roster_.mutex_};
    roster_.reading_ = true;
}

Roster::Refreshing::~Refreshing() {
    const std::unique_lock lock{roster_.mutex_};
    roster_.reading_ = false;
    roster_.told_meanwhile_.clear();
}

void Roster::refresh(const NodeId& id) {
    const Refreshing refreshing{*this};
    NodeRead read = read_node(id);
    if (!read.node) throw lost_row("node " + to_hex(id));
    const std::unique_lock lock{mutex_};
    for (const DeviceRecord& record : read.devices)
        if (const Device* known = at(record.ref); known != nullptr && (*known)->id != record.id)
            throw lost_row("device " + to_hex((*known)->id));
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
    tell_again();
}

StoreFailed Roster::lost_row(const std::string& what) {
    lacks_rows_ = true;
    return StoreFailed{"the store lacks " + what +
                       ", which it held before: all who are enrolled are read anew"};
}

std::int64_t Roster::follow() {
    const std::lock_guard following{following_};
    const auto begun = std::chrono::steady_clock::now();
    const auto known_as_of = as_of();
    std::int64_t count = 0;
    std::optional<WindowIndex> closed;
    std::vector<EnrolmentEntry> last;
    const std::int64_t shown = followed_;
    store_.read([&](Reader& reader) {
        count = reader.enrolment_count();
        closed = reader.last_closed_window();
        if (shown > 0) last = reader.enrolments(shown - 1, 1);
    });
    bool lost = lacks_rows_ || count < shown || closed < known_as_of ||
                (!last.empty() && !same_entry(last.front(), followed_entry_));
    while (!lost && followed_ < count) {
        std::set<NodeId> changed;
        std::vector<EnrolmentEntry> page;
        // The last known one first: after a loss another may stand in its place.
        const std::int64_t from = std::max<std::int64_t>(followed_ - 1, 0);
        store_.read([&](Reader& reader) { page = reader.enrolments(from, entries_a_page); });
        lost = followed_ > from && (page.empty() || !same_entry(page.front(), followed_entry_));
        if (lost) break;
        const std::int64_t entries = std::ssize(page) - (followed_ - from);
        if (entries <= 0) throw StoreFailed{"the store lacks enrolments that it counts"};
        for (auto entry = page.end() - entries; entry != page.end(); ++entry)
            changed.insert(entry->node);
        for (const NodeId& id : changed) refresh(id);
        followed_ += entries;
        followed_entry_ = std::move(page.back());
    }
    if (lost) {
        read_anew();
        loss_ = "the store lacks enrolments, devices or closed windows that it held before: " +
                std::to_string(shown) + " enrolments were read, now it holds " +
                std::to_string(count) +
                ". It was restored, or a failover lost its last commits, and receipts for them "
                "will be found untrue. All who are enrolled were read anew; compare the store with "
                "its standbys and run audit";
    } else if (closed != as_of()) {
        refresh_baselines();
    }
    looked_ = begun;
    return followed_;
}

std::optional<std::string> Roster::take_loss() {
    const std::lock_guard following{following_};
    return std::exchange(loss_, std::nullopt);
}

void Roster::follow_since(std::chrono::steady_clock::time_point moment) {
    {
        const std::lock_guard following{following_};
        if (looked_ > moment) return;
    }
    follow();
}

void Roster::set_calibrated(const DeviceId& id, const Calibrated& calibrated) {
    const std::unique_lock lock{mutex_};
    if (reading_) told_meanwhile_.emplace_back(id, calibrated);
    tell(id, calibrated);
}

/// As read_calibrated() would find it: the latest ones, ascending.
void Roster::tell(const DeviceId& id, const Calibrated& one) {
    const auto ref = index_.find(id, [&](DeviceRef known) { return (*at(known))->id; });
    if (!ref) return;
    const RosterDevice& known = **at(*ref);
    if (known.roll_call_baseline ||
        std::ranges::find(known.calibrated, one) != known.calibrated.end())
        return;
    auto calibrated = known.calibrated;
    calibrated.insert(std::ranges::upper_bound(calibrated, one.received, {}, &Calibrated::received),
                      one);
    if (std::ssize(calibrated) > calibrations_kept) calibrated.erase(calibrated.begin());
    auto changed = std::make_shared<RosterDevice>(known);
    set_calibrations(*changed, std::move(calibrated));
    place(std::move(changed));
}

/// What a refresh has read may be from before these were committed.
void Roster::tell_again() {
    for (const auto& [id, calibrated] : told_meanwhile_) tell(id, calibrated);
}

void Roster::refresh_baselines() {
    std::optional<WindowIndex> reached;
    store_.read([&](Reader& reader) { reached = reader.last_closed_window(); });
    for (int bucket = 0; bucket < static_cast<int>(buckets_.size()); ++bucket)
        refresh_bucket(static_cast<std::uint8_t>(bucket));
    const std::unique_lock lock{mutex_};
    as_of_ = std::max(as_of_, reached);
}

/// Only refreshes write, of which this one is alone, and set_calibrated(), which is told again: so
/// what is read here may replace what is there.
void Roster::refresh_bucket(std::uint8_t bucket) {
    const Refreshing refreshing{*this};
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
            if (found == books.end() || found->id != device->id)
                throw lost_row("device " + to_hex(device->id));
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
    tell_again();
}

}  // namespace vigil::verifier
