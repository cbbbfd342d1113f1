#include <algorithm>
#include <utility>

#include "verifier/roster.hpp"

namespace vigil::verifier {
namespace {

using Device = std::shared_ptr<const RosterDevice>;

}  // namespace

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

}  // namespace vigil::verifier
