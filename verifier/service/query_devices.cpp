#include <algorithm>
#include <map>
#include <set>

#include "proto/wire.hpp"
#include "verifier/service/query_calls.hpp"
#include "verifier/service/query_records.hpp"

namespace vigil::verifier::query {
namespace {

constexpr std::size_t usual_rows = 100, most_rows = 1'000;

/// Which devices a request wants, in ascending order of their ids; a token is the last id of the
/// page before.
struct Selection {
    std::optional<DeviceId> after;
    std::optional<NodeId> node;
    std::optional<PayoutAddress> payout;
    std::size_t rows{};
};

Expected<Selection, Refusal> selection(const v1::ListDevicesRequest& request) {
    Selection out;
    out.rows = request.page_size() == 0 ? usual_rows
                                        : std::min<std::size_t>(request.page_size(), most_rows);
    if (!request.page_token().empty()) {
        const auto after = from_hex<DeviceId>(request.page_token());
        if (!after)
            return tl::unexpected{
                Refusal{RefusalReason::malformed, "page_token: not one of this list", {}, {}}};
        out.after = *after;
    }
    if (!request.node_id().empty()) {
        const auto node = wire::fixed_from_proto<NodeId>(request.node_id(), "node_id");
        if (!node) return tl::unexpected{node.error()};
        out.node = *node;
    }
    if (!request.payout_address().empty()) {
        const auto payout =
            wire::fixed_from_proto<PayoutAddress>(request.payout_address(), "payout_address");
        if (!payout) return tl::unexpected{payout.error()};
        out.payout = *payout;
    }
    return out;
}

/// One more than the page holds, where there is one.
std::vector<std::shared_ptr<const RosterDevice>> selected(const Parts& parts, Reader& reader,
                                                          const Selection& wanted) {
    std::set<NodeId> of_provider;
    if (wanted.payout)
        for (const NodeRecord& node : reader.nodes())
            if (node.payout == *wanted.payout) of_provider.insert(node.id);
    std::vector<std::shared_ptr<const RosterDevice>> out;
    for (auto& device : parts.roster.devices()) {
        if (out.size() > wanted.rows) break;
        if (wanted.after && device->id <= *wanted.after) continue;
        if (wanted.node && device->node != *wanted.node) continue;
        if (wanted.payout && !of_provider.contains(device->node)) continue;
        out.push_back(std::move(device));
    }
    return out;
}

/// Nodes and their devices, read once each for a page.
class Records {
public:
    explicit Records(Reader& reader) : reader_{reader} {}

    std::optional<v1::Device> describe(const RosterDevice& device) {
        const auto [place, fresh] = known_.try_emplace(device.node);
        Known& known = place->second;
        if (fresh) {
            known.node = reader_.node(device.node);
            if (known.node) known.devices = reader_.devices_of(known.node->ref);
        }
        for (const DeviceRecord& record : known.devices) {
            if (record.id != device.id) continue;
            v1::Device out = to_proto(record, *known.node);
            out.set_baseline(device.baseline);
            const auto days = reader_.days(record.ref, {.before = std::nullopt, .limit = 1});
            *out.mutable_standing() = to_proto(days.empty() ? Standing{} : days.front().after);
            return out;
        }
        return std::nullopt;
    }

private:
    struct Known {
        std::optional<NodeRecord> node;
        std::vector<DeviceRecord> devices;
    };
    Reader& reader_;
    std::map<NodeId, Known> known_;
};

}  // namespace

Outcome list_devices(Parts& parts, const v1::ListDevicesRequest& request,
                     v1::ListDevicesResponse& response) {
    const auto wanted = selection(request);
    if (!wanted) return wanted.error();
    parts.store.read([&](Reader& reader) {
        response.Clear();
        const auto devices = selected(parts, reader, *wanted);
        Records records{reader};
        for (std::size_t i = 0; i < std::min(devices.size(), wanted->rows); ++i)
            if (auto described = records.describe(*devices[i]))
                *response.add_devices() = *std::move(described);
        if (devices.size() > wanted->rows)
            response.set_next_page_token(to_hex(devices[wanted->rows - 1]->id));
    });
    return std::nullopt;
}

}  // namespace vigil::verifier::query
