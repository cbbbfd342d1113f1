#include "verifier/web/device_file.hpp"

#include <algorithm>

namespace vigil::verifier::web {
namespace {

std::optional<DeviceRecord> record_of(Reader& reader, const NodeRecord& node, const DeviceId& id) {
    for (DeviceRecord& record : reader.devices_of(node.ref))
        if (record.id == id) return std::move(record);
    return std::nullopt;
}

}  // namespace

std::optional<DeviceFile> read_device_file(const Site& site, const DeviceId& id, Instant now,
                                           std::optional<std::int64_t> checks_before) {
    const auto device = site.roster.device(id);
    if (!device) return std::nullopt;
    const DayIndex today = site.schedule.calendar().day_at(now);
    std::optional<DeviceFile> out;
    site.store.read([&](Reader& reader) {
        out.reset();
        const auto node = reader.node(device->node);
        if (!node) return;
        const auto record = record_of(reader, *node, id);
        if (!record) return;
        out = DeviceFile{
            .node = *node,
            .today = read_day_file(reader, *site.schedule.policy_on(today), *record, today),
            .checks = reader.checks(record->ref, {.before = checks_before, .limit = checks_shown}),
            .windows = reader.windows(record->ref, {.before = {}, .limit = windows_shown}),
            .days = reader.days(record->ref, {.before = {}, .limit = days_shown}),
            .settled = std::nullopt};
        if (out->days.empty()) return;
        const DayIndex last = out->days.front().day;
        out->settled = read_day_file(reader, *site.schedule.policy_on(last), *record, last);
    });
    return out;
}

DayResult projected(const Site& site, const DeviceFile& file, WindowOutcome to_come,
                    std::uint64_t rate) {
    const Calendar calendar{file.today.policy};
    const WindowIndex first = calendar.first_window(file.today.day);
    std::vector<DayWindow> windows(static_cast<std::size_t>(calendar.windows_per_day()),
                                   {.outcome = to_come, .roll_call_rate = rate});
    const Instant since = file.today.device.active_from;
    for (std::size_t i = 0; i < windows.size(); ++i)
        if (why_not_counted(file.today, calendar.span(first + static_cast<std::int64_t>(i))))
            windows[i] = {.outcome = WindowOutcome::unenrolled, .roll_call_rate = 0};
    for (const WindowRecord& window : file.today.windows)
        windows.at(static_cast<std::size_t>(window.window.value - first.value)) = {
            .outcome = window.outcome, .roll_call_rate = window.roll_call_rate};
    return day_result(file.today.policy,
                      {.day = file.today.day,
                       .programme_start = site.schedule.genesis().programme_start_day,
                       .enrolment_day = calendar.day_at(since) == file.today.day},
                      windows);
}

}  // namespace vigil::verifier::web
