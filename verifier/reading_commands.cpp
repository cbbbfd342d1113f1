#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "verifier/commands.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t id_digits = 12;
constexpr std::size_t name_limit = 24;

std::unique_ptr<Store> open_for_reading(const std::filesystem::path& file) try {
    return open_sqlite_store_for_reading(file.string());
} catch (const StoreTooNew& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE-NEWER", failure.what()};
} catch (const StoreFailed& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
}

struct DeviceLine {
    std::string id, node, model, state;
    std::uint64_t baseline{};
    Standing standing;
};

std::string state_of(const RosterDevice& device, const std::optional<WindowRecord>& last) {
    if (device.retired_from)
        return "retired from day " + std::to_string(device.retired_from->value);
    return last ? std::string{to_string(last->outcome)} : "new";
}

std::vector<DeviceLine> read_lines(Store& store) {
    const Roster roster{store};
    std::vector<DeviceLine> lines;
    store.read([&](Reader& reader) {
        std::map<NodeRef, std::string> names;
        for (const NodeRecord& node : reader.nodes()) names[node.ref] = node.name;
        std::map<DeviceRef, Standing> standings;
        for (const auto& [device, standing] : reader.standings()) standings[device] = standing;
        for (const DeviceRecord& record : reader.devices()) {
            const auto device = roster.device(record.id);
            if (!device) continue;  // enrolled since the roster was read
            std::optional<WindowRecord> last;
            for (WindowRecord& window :
                 reader.windows(record.ref, {.before = std::nullopt, .limit = 1}))
                last = std::move(window);
            lines.push_back({.id = to_hex(record.id),
                             .node = names[record.node],
                             .model = record.model,
                             .state = state_of(*device, last),
                             .baseline = device->baseline,
                             .standing = standings[record.ref]});
        }
    });
    return lines;
}

void print_table(const std::vector<DeviceLine>& lines) {
    fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12}  {:>14}  {:>16}  {:>5}  {:>4}\n", "DEVICE",
               id_digits, "NODE", name_limit, "MODEL", name_limit, "LAST WINDOW", "H/S", "BALANCE",
               "GRACE", "DOWN");
    for (const DeviceLine& line : lines)
        fmt::print("{:<{}}  {:<{}}  {:<{}}  {:<12}  {:>14}  {:>16}  {:>5}  {:>4}\n",
                   line.id.substr(0, id_digits), id_digits, edge::for_log(line.node, name_limit),
                   name_limit, edge::for_log(line.model, name_limit), name_limit, line.state,
                   line.baseline, to_credits(line.standing.balance), line.standing.grace_left,
                   line.standing.down_run);
}

void print_json(const std::vector<DeviceLine>& lines) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const DeviceLine& line : lines)
        all.push_back({{"device_id", line.id},
                       {"node", line.node},
                       {"model", line.model},
                       {"last_window", line.state},
                       {"baseline", line.baseline},
                       {"balance_micro", to_string(line.standing.balance)},
                       {"service_days", line.standing.service_days},
                       {"grace_left", line.standing.grace_left},
                       {"down_run", line.standing.down_run}});
    fmt::print("{}\n", all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace

int list_devices(const std::filesystem::path& file, OutputFormat format) {
    const auto store = open_for_reading(file);
    const std::vector<DeviceLine> lines = read_lines(*store);
    format == OutputFormat::json ? print_json(lines) : print_table(lines);
    return 0;
}

}  // namespace vigil::verifier
