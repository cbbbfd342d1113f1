#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>

#include "core/crypto/payout_address.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "verifier/commands.hpp"
#include "verifier/day_words.hpp"
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
    std::string id, node, payout, node_id, model, state;
    std::uint64_t baseline{};
    Standing standing;
};

std::string state_of(const RosterDevice& device, const std::optional<WindowRecord>& last,
                     const Calendar& calendar) {
    if (device.retired_from)
        return fmt::format("retired from day {}", day_words(*device.retired_from, calendar));
    return last ? std::string{to_string(last->outcome)} : "new";
}

std::vector<DeviceLine> read_lines(Store& store) {
    const Roster roster{store};
    if (roster.device_count() == 0) return {};  // the network may not be founded yet
    const Calendar calendar = Schedule{store}.calendar();
    std::vector<DeviceLine> lines;
    store.read([&](Reader& reader) {
        lines.clear();
        std::map<NodeRef, NodeRecord> nodes;
        for (NodeRecord& node : reader.nodes()) nodes[node.ref] = std::move(node);
        std::map<DeviceRef, Standing> standings;
        for (const auto& [device, standing] : reader.standings()) standings[device] = standing;
        for (const DeviceRecord& record : reader.devices()) {
            const auto device = roster.device(record.id);
            if (!device) continue;  // enrolled since the roster was read
            std::optional<WindowRecord> last;
            for (WindowRecord& window :
                 reader.windows(record.ref, {.before = std::nullopt, .limit = 1}))
                last = std::move(window);
            const NodeRecord& node = nodes[record.node];
            lines.push_back({.id = to_hex(record.id),
                             .node = node.name,
                             .payout = to_checksum_text(node.payout),
                             .node_id = to_hex(node.id),
                             .model = record.model,
                             .state = state_of(*device, last, calendar),
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
                       {"node_id", line.node_id},
                       {"payout_address", line.payout},
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

namespace {

/// For whoever names a node where a device is asked for; nothing: it is none either.
std::optional<std::string> devices_of_node(Reader& reader, const std::string& beginning) {
    constexpr std::size_t most = 8;
    for (const NodeRecord& node : reader.nodes()) {
        if (beginning.empty() || !to_hex(node.id).starts_with(beginning)) continue;
        const auto devices = reader.devices_of(node.ref);
        std::string list;
        for (std::size_t i = 0; i < std::min(devices.size(), most); ++i)
            list.append(i == 0 ? "" : ", ").append(to_hex(devices[i].id).substr(0, id_digits));
        if (devices.size() > most) list += fmt::format(" and {} more", devices.size() - most);
        return fmt::format("\"{}\" is a node; its devices are {}", edge::for_log(beginning), list);
    }
    return std::nullopt;
}

}  // namespace

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
    if (!found)
        if (const auto node = devices_of_node(reader, beginning))
            throw edge::Fatal{edge::exit_usage, "E-DEVICE", *node};
    if (!found || beginning.empty())
        throw edge::Fatal{edge::exit_usage, "E-DEVICE",
                          "no device id begins with \"" + edge::for_log(beginning) +
                              "\"; the command `devices` lists them"};
    return *std::move(found);
}

std::optional<DayIndex> day_asked(const std::string& text, const NetworkDays& network,
                                  std::int64_t ahead) {
    if (text.empty()) return std::nullopt;
    const auto wrong = [&](const std::string& why) {
        return edge::Fatal{edge::exit_usage, "E-DAY",
                           fmt::format("--day {}: {}", edge::for_log(text, 64), why)};
    };
    const auto day = day_named(text, network.calendar);
    if (!day) throw wrong(day.error());
    if (*day < network.first || *day > network.newest + ahead)
        throw wrong(fmt::format(
            "the record has days {} to {}, the network's first and the one in "
            "progress{}",
            day_words(network.first, network.calendar), day_words(network.newest, network.calendar),
            ahead > 0 ? ", and the next may be asked about" : ""));
    return *day;
}

NetworkDays network_days(Reader& reader, const Schedule& schedule) {
    const auto last = reader.last_closed_window();
    const DayIndex first = schedule.genesis().programme_start_day;
    const Calendar calendar = schedule.calendar();
    return {.calendar = calendar,
            .first = first,
            .newest = last ? std::max(first, calendar.day_of(*last + 1)) : first,
            .closed = last ? std::max(first, calendar.day_of(*last)) : first};
}

int list_devices(const std::string& place, OutputFormat format) {
    const auto store = open_for_reading(place);
    const std::vector<DeviceLine> lines = read_lines(*store);
    format == OutputFormat::json ? print_json(lines) : print_table(lines);
    return 0;
}

int explain_day(const std::string& place, const std::string& device, const std::string& day,
                OutputFormat format) {
    const auto store = open_for_reading(place);
    const Schedule schedule{*store};
    std::vector<std::string> lines;
    DayIndex explained;
    DeviceRecord record;
    store->read([&](Reader& reader) {
        const NetworkDays days = network_days(reader, schedule);
        const auto asked = day_asked(day, days, 0);
        record = find_device(reader, device);
        // Of a device that joined after the last window was closed, that day holds nothing.
        const DayIndex joined = days.calendar.day_at(record.active_from);
        explained = asked.value_or(std::min(days.newest, std::max(days.closed, joined)));
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
