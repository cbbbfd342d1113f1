#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "verifier/commands.hpp"
#include "verifier/reading.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"
#include "verifier/what_if.hpp"

namespace vigil::verifier {
int print_what_if(const std::string& place, const WhatIfAsked& asked, OutputFormat format) {
    const auto store = open_for_reading(place);
    const Schedule schedule{*store};
    const Roster roster{*store};
    const Calendar calendar = schedule.calendar();
    const auto part = days_part_from(asked.offline, calendar.day_length(), asked.days);
    if (!part)
        throw edge::Fatal{edge::exit_usage, "E-DAY", "--offline " + edge::for_log(part.error())};
    DeviceRecord device;
    std::vector<DayFile> days;
    store->read([&](Reader& reader) {
        days.clear();
        const NetworkDays network = network_days(reader, schedule);
        const DayIndex day = day_asked(asked.day, network, 1).value_or(network.newest);
        device = find_device(reader, asked.device);
        for (std::int64_t i = 0; i < days_met(*part, calendar.day_length()); ++i)
            days.push_back(read_day_file(reader, *schedule.policy_on(day + i), device, day + i));
    });
    const Instant begin = calendar.span(days.front().day).begin;
    const auto known = roster.device(device.id);
    const WhatIf found =
        what_if(days, {begin + part->begin, begin + part->end}, known ? known->baseline : 0);
    if (format == OutputFormat::json) {
        const nlohmann::ordered_json out{{"device_id", to_hex(device.id)},
                                         {"day", days.front().day.value},
                                         {"offline_from_ms", to_ms(begin + part->begin)},
                                         {"offline_to_ms", to_ms(begin + part->end)},
                                         {"cost_least_micro", to_string(found.least)},
                                         {"cost_most_micro", to_string(found.most)},
                                         {"lines", found.lines}};
        fmt::print("{}\n", out.dump(2));
        return 0;
    }
    for (const std::string& line : found.lines) fmt::print("{}\n", line);
    return 0;
}

}  // namespace vigil::verifier
