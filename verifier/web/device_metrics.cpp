#include "verifier/web/device_metrics.hpp"

#include <map>
#include <vector>

#include "core/crypto/payout_address.hpp"

namespace vigil::verifier {
namespace {

struct Series {
    std::string id;
    std::string info;  ///< further labels
    std::uint64_t baseline{};
    Standing standing;
};

/// A label value between quotes, as the text format wants it.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out + "\"";
}

std::vector<Series> read_series(Store& store, const Roster& roster) {
    std::vector<Series> series;
    store.read([&](Reader& reader) {
        series.clear();
        std::map<NodeRef, NodeRecord> nodes;
        for (NodeRecord& node : reader.nodes()) nodes.emplace(node.ref, std::move(node));
        std::map<DeviceRef, Standing> standings;
        for (const auto& [device, standing] : reader.standings()) standings[device] = standing;
        for (const DeviceRecord& device : reader.devices()) {
            const auto known = roster.device(device.id);
            const NodeRecord& node = nodes.at(device.node);
            series.push_back(
                {.id = to_hex(device.id),
                 .info = ",node=\"" + to_hex(node.id) + "\",name=" + quoted(node.name) +
                         ",region=" + quoted(node.region) + ",provider=\"" +
                         to_checksum_text(node.payout) + "\",model=" + quoted(device.model),
                 .baseline = known ? known->baseline : 0,
                 .standing = standings[device.ref]});
        }
    });
    return series;
}

template <class Value>
void append(std::string& out, const char* name, const char* help, const std::vector<Series>& series,
            const Value& value) {
    ((((out += "# HELP ") += name) += ' ') += help) += "\n# TYPE ";
    (out += name) += " gauge\n";
    for (const Series& one : series)
        ((((out += name) += "{device=\"") += one.id) += value(one)) += '\n';
}

}  // namespace

std::string device_metrics(Store& store, const Roster& roster) {
    const std::vector<Series> series = read_series(store, roster);
    const auto number = [](auto read) {
        return [read](const Series& one) { return "\"} " + read(one); };
    };
    std::string out;
    append(out, "vigil_verifier_device_info", "Who a device belongs to; claimed, except the ids",
           series, [](const Series& one) { return "\"" + one.info + "} 1"; });
    append(out, "vigil_verifier_device_baseline_hashes_per_second",
           "Verified hash rate; 0 before a first calibration", series,
           number([](const Series& one) { return std::to_string(one.baseline); }));
    append(out, "vigil_verifier_device_balance_micro", "Balance after the last settled day", series,
           number([](const Series& one) { return to_string(one.standing.balance); }));
    append(out, "vigil_verifier_device_service_run", "Days of service towards the next grace",
           series,
           number([](const Series& one) { return std::to_string(one.standing.service_days); }));
    append(out, "vigil_verifier_device_grace_left", "Grace days in hand", series,
           number([](const Series& one) { return std::to_string(one.standing.grace_left); }));
    append(out, "vigil_verifier_device_down_run", "Down days in a row", series,
           number([](const Series& one) { return std::to_string(one.standing.down_run); }));
    return out;
}

}  // namespace vigil::verifier
