#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "verifier/commands.hpp"
#include "verifier/explain.hpp"
#include "verifier/reading.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"
#include "verifier/store/open_store.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t id_digits = 12;
constexpr std::size_t name_limit = 24;

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

std::unique_ptr<Store> open_for_reading(const std::string& place) try {
    return open_store_at_for_reading(place);
} catch (const StoreTooNew& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE-NEWER", failure.what()};
} catch (const StoreFailed& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
}

DeviceRecord find_device(Reader& reader, const std::string& beginning) {
    std::optional<DeviceRecord> found;
    for (DeviceRecord& device : reader.devices()) {
        if (!to_hex(device.id).starts_with(beginning)) continue;
        if (found)
            throw edge::Fatal{
                edge::exit_usage, "E-DEVICE",
                "several devices begin with \"" + beginning + "\"; give more digits of the id"};
        found = std::move(device);
    }
    if (!found || beginning.empty())
        throw edge::Fatal{edge::exit_usage, "E-DEVICE",
                          "no device id begins with \"" + edge::for_log(beginning) +
                              "\"; the command `devices` lists them"};
    return *std::move(found);
}

int list_devices(const std::string& place, OutputFormat format) {
    const auto store = open_for_reading(place);
    const std::vector<DeviceLine> lines = read_lines(*store);
    format == OutputFormat::json ? print_json(lines) : print_table(lines);
    return 0;
}

int explain_day(const std::string& place, const std::string& device,
                std::optional<std::int64_t> day, OutputFormat format) {
    const auto store = open_for_reading(place);
    const Schedule schedule{*store};
    std::vector<std::string> lines;
    DayIndex explained;
    DeviceRecord record;
    store->read([&](Reader& reader) {
        const auto last = reader.last_closed_window();
        if (!day && !last)
            throw edge::Fatal{edge::exit_check_failed, "E-DAY",
                              "no window was closed yet; ask again later"};
        const Calendar calendar = schedule.calendar();
        const DayIndex first = schedule.genesis().programme_start_day;
        const DayIndex newest = last ? calendar.day_of(*last + 1) : first;
        if (day && (DayIndex{*day} < first || DayIndex{*day} > newest))
            throw edge::Fatal{
                edge::exit_usage, "E-DAY",
                fmt::format("--day {}: the record has days {} to {}, the network's first and the "
                            "one in progress",
                            *day, first.value, newest.value)};
        explained = day ? DayIndex{*day} : calendar.day_of(*last);
        record = find_device(reader, device);
        lines = explain(read_day_file(reader, *schedule.policy_on(explained), record, explained));
    });
    if (format == OutputFormat::json) {
        const nlohmann::ordered_json out{
            {"device_id", to_hex(record.id)}, {"day", explained.value}, {"lines", lines}};
        fmt::print("{}\n", out.dump(2));
        return 0;
    }
    for (const std::string& line : lines) fmt::print("{}\n", line);
    return 0;
}

}  // namespace vigil::verifier
