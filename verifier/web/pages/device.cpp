#include <algorithm>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/crypto/payout_address.hpp"
#include "verifier/day_words.hpp"
#include "verifier/web/figures.hpp"
#include "verifier/web/pages/device_parts.hpp"
#include "verifier/web/parts.hpp"

namespace vigil::verifier::web {
namespace {

/// The fleet's row of a device; null for one that was enrolled a moment ago.
const FleetDevice* row_of(const Fleet& fleet, const DeviceId& id) {
    const auto& all = fleet.records->devices;
    const auto found = std::lower_bound(
        all.begin(), all.end(), id,
        [](const FleetDevice& d, const DeviceId& wanted) { return d.id < wanted; });
    return found == all.end() || found->id != id ? nullptr : &*found;
}

State state_of(const Fleet& fleet, const FleetDevice* row) {
    return row == nullptr
               ? State::waiting
               : fleet.states[static_cast<std::size_t>(row - fleet.records->devices.data())];
}

Html grace_fact(const Policy& policy, const Standing& standing) {
    const bool full = standing.grace_left >= policy.grace_days;
    return fact(
        "Grace", fmt::format("{} of {} days", standing.grace_left, policy.grace_days),
        full ? Html{"in hand; none more can be earned"}
             : Html{fmt::format("{} more days of service to the next",
                                policy.grace_every_days -
                                    std::min(standing.service_days, policy.grace_every_days))});
}

/// "retires 2026-01-31 00:00 UTC (day 20484)"; empty for a device that goes on.
std::string retirement_words(const DayFile& today) {
    const auto from = today.device.retired_from;
    if (!from) return {};
    const Calendar calendar{today.policy};
    return fmt::format("{} {} (day {})", *from <= today.day ? "retired since" : "retires",
                       moment(calendar.span(*from).begin), from->value);
}

Html state_note(const DayFile& today, const Html& last_passed) {
    const std::string retirement = retirement_words(today);
    if (retirement.empty()) return last_passed;
    Html note = retirement;
    if (!last_passed.markup().empty()) note += "; ";
    note += last_passed;
    return note;
}

/// The mean of its roll calls; before the first was recorded, its calibration (protocol 5.6).
Html rate_fact(const Policy& policy, const FleetDevice* row, std::uint64_t baseline) {
    const auto shown = [](const MeasuredRate& rate, const std::string& by) {
        Html note = source_html(Source::verified);
        note += fmt::format(" by {}", by);
        return fact("Hash rate", rate_text(rate), note);
    };
    if (row != nullptr && row->measured > 0)
        return shown(row->rate,
                     fmt::format("{} roll call{}", row->measured, row->measured == 1 ? "" : "s"));
    if (baseline == 0) return fact("Hash rate", "–", "nothing was measured yet");
    return shown(measured(static_cast<double>(baseline), policy.calibration.k, 1), "calibration");
}

Html verdict_row(const Site& site, const Fleet& fleet, const DeviceFile& file, Instant now,
                 const Html& last_passed) {
    const FleetDevice* row = row_of(fleet, file.today.device.id);
    const Calendar calendar = site.schedule.calendar();
    const auto roster = site.roster.device(file.today.device.id);
    const std::uint64_t baseline = roster ? roster->baseline : 0;
    const auto complete =
        std::count_if(file.today.windows.begin(), file.today.windows.end(),
                      [](const WindowRecord& w) { return w.outcome == WindowOutcome::complete; });
    const DayResult now_result = projected(site, file, WindowOutcome::incomplete, 0);
    const DayResult best = projected(site, file, WindowOutcome::complete, baseline);
    const Standing standing = file.days.empty() ? Standing{} : file.days.front().after;
    return facts(
        {fact("State", state_html(state_of(fleet, row)), state_note(file.today, last_passed)),
         fact("Windows today", fmt::format("{} of {}", complete, calendar.windows_per_day()),
              fmt::format("{} closed so far", file.today.windows.size())),
         fact("Multiplier now", "× " + factor(now_result.multiplier),
              fmt::format("best still possible × {}", factor(best.multiplier))),
         rate_fact(file.today.policy, row, baseline),
         fact("Credits today, so far", credits_html(now_result.credit),
              [&] {
                  Html note = "at best ";
                  note += credits_html(best.credit);
                  return note;
              }()),
         fact("Streak",
              fmt::format("{} day{} up", row != nullptr ? row->up_run : 0,
                          row != nullptr && row->up_run == 1 ? "" : "s"),
              standing.down_run > 0 ? Html{fmt::format("{} down day{} in a row", standing.down_run,
                                                       standing.down_run == 1 ? "" : "s")}
                                    : Html{}),
         grace_fact(file.today.policy, standing),
         fact("Balance", credits_html(standing.balance), source_html(Source::derived)),
         fact("Window closes in",
              countdown_html(now, calendar.span(calendar.window_at(now)).end))});
}

Html explained(const DayFile& day) {
    std::string text;
    for (const std::string& line : explain(day)) text.append(line).append("\n");
    return element("pre", {{"class", "sum"}, {"tabindex", "0"}}, {text});
}

/// Whether a window that is not closed yet counts.
bool counts_to_come(const DayFile& today) {
    const Calendar calendar{today.policy};
    const WindowIndex first = calendar.first_window(today.day);
    for (std::int64_t i = 0; i < calendar.windows_per_day(); ++i) {
        const bool closed = std::any_of(today.windows.begin(), today.windows.end(),
                                        [&](const auto& w) { return w.window == first + i; });
        if (!closed && !why_not_counted(today, calendar.span(first + i))) return true;
    }
    return false;
}

Html todays_credit(const Site& site, const DeviceFile& file) {
    const DayResult so_far = projected(site, file, WindowOutcome::incomplete, 0);
    Html out =
        element("p", {counts_to_come(file.today)
                          ? "If every window to come were missed, the day would be "
                          : "No window to come counts for this device today. The day is ",
                      element("strong", {to_string(so_far.outcome)}), ": " + so_far.reason + "."});
    out += element("details", {{"open", ""}},
                   {element("summary", {"Today line by line"}), explained(file.today)});
    if (file.settled)
        out +=
            element("details",
                    {element("summary",
                             {fmt::format("The last settled day, {}, line by line",
                                          day_words(file.settled->day, site.schedule.calendar()))}),
                     explained(*file.settled)});
    return out;
}

Html who(const DeviceFile& file) {
    const DeviceRecord& device = file.today.device;
    const auto claimed = [](const Html& name, const Html& value) {
        return fact(name, value, source_html(Source::claimed));
    };
    return facts({claimed("Model", device.model), claimed("Backend", to_string(device.backend)),
                  claimed("Memory",
                          device.memory_bytes == 0
                              ? std::string{"–"}
                              : fmt::format("{:.1f} GiB", static_cast<double>(device.memory_bytes) /
                                                              1073741824.0)),
                  claimed("Driver", device.driver.empty() ? std::string{"–"} : device.driver),
                  claimed("Node", file.node.name.empty() ? std::string{"–"} : file.node.name),
                  claimed("Region", file.node.region.empty() ? std::string{"–"} : file.node.region),
                  claimed("Node version", file.node.version),
                  fact("Enrolled", time_html(device.enrolled)),
                  fact("Device id", element("code", {{"class", "hash"}}, {to_hex(device.id)})),
                  fact("Node id", element("code", {{"class", "hash"}}, {to_hex(file.node.id)}))});
}

Html rates(const Site& site, const DeviceFile& file) {
    std::vector<ChartRow> rows;
    for (auto window = file.windows.rbegin(); window != file.windows.rend(); ++window) {
        if (window->roll_call_rate == 0) continue;
        const auto policy =
            site.schedule.policy_on(site.schedule.calendar().day_of(window->window));
        rows.push_back({.at = site.schedule.calendar().span(window->window).begin,
                        .rate = measured(static_cast<double>(window->roll_call_rate),
                                         policy->roll_call.k, 1)});
    }
    if (rows.empty()) return element("p", {{"class", "empty"}}, {"No roll call was measured yet."});
    return rate_chart(
        "rates", "Each roll call with its 95 % interval: luck alone moves a measurement this far",
        rows);
}

}  // namespace

Page device_page(const Site& site, const Question& question) {
    const auto id = from_hex<DeviceId>(question.rest);
    if (!id) return not_found("This is no device id: " + id.error());
    const auto before = question.query.number("before", 0, INT64_MAX);
    if (!before) return bad_question(before.error());
    const auto file = read_device_file(site, *id, question.now, *before);
    if (!file) return not_found("No device of this network has the id " + to_hex(*id) + ".");
    const auto fleet = site.watch.fleet();
    const std::string address = to_checksum_text(file->node.payout);
    const std::string name = file->node.name.empty() ? short_id(file->node.id) : file->node.name;
    Html main = element("nav", {{"class", "crumbs"}, {"aria-label", "Where this is"}},
                        {element("ol", {element("li", {link("/providers", "Providers")}),
                                        element("li", {link("/providers/" + address, name)}),
                                        element("li", {"device " + short_id(*id)})})});
    main +=
        element("h1", {file->today.device.model.empty() ? short_id(*id) : file->today.device.model,
                       " of ", name});
    main += element("section", {{"id", "verdict"}, {"data-part", ""}},
                    {verdict_row(site, *fleet, *file, question.now,
                                 *before ? Html{} : last_passed(*file, question.now))});
    main += section("windows", "Today's windows", window_cells(site, *file, question.now));
    main += section("credit", "How today's credit is computed", todays_credit(site, *file));
    main += section("calendar", "The last 90 days", day_calendar(site, *file));
    main += section("rate", "Hash rate", rates(site, *file));
    main += section("ledger", "Credits, grace and slashes",
                    ledger_table(*file, site.schedule.calendar()));
    main += section("checks", "Checks", checks_table(*file, *id));
    main += section("who", "What its owner says", who(*file));
    main += section("told", "Be told when something is wrong", be_told(*id));
    return {.title = "Device " + short_id(*id), .main = main, .path = "/providers"};
}

edge::HttpResponse badge(const Site& site, const std::string& rest) {
    const auto id = from_hex<DeviceId>(rest);
    const auto fleet = site.watch.fleet();
    const FleetDevice* row = id ? row_of(*fleet, *id) : nullptr;
    const State state = state_of(*fleet, row);
    const char* const colors[] = {"#0b6e55", "#8a5300", "#b3261e", "#51605a", "#51605a"};
    const std::string words = row == nullptr ? std::string{"unknown device"}
                              : state == State::online
                                  ? fmt::format("online · {}", rate_text(row->rate.value))
                                  : std::string{to_string(state)};
    const auto width = static_cast<int>(62 + 7 * words.size());
    const auto number = [](int value) { return std::to_string(value); };
    const Html picture = element(
        "svg",
        {{"xmlns", "http://www.w3.org/2000/svg"},
         {"width", number(width)},
         {"height", "22"},
         {"role", "img"},
         {"aria-label", "Vigil: " + words}},
        {element("title", {"Vigil: " + words}),
         element("rect",
                 {{"width", number(width)}, {"height", "22"}, {"rx", "4"}, {"fill", "#24302b"}},
                 {}),
         element("path",
                 {{"d", fmt::format("M44 0H{}a4 4 0 0 1 4 4v14a4 4 0 0 1 -4 4H44Z", width - 4)},
                  {"fill", row == nullptr ? "#51605a" : colors[static_cast<std::size_t>(state)]}},
                 {}),
         element("g",
                 {{"fill", "#fff"},
                  {"font-family", "Verdana,DejaVu Sans,sans-serif"},
                  {"font-size", "11"}},
                 {element("text", {{"x", "9"}, {"y", "15"}}, {"Vigil"}),
                  element("text", {{"x", "52"}, {"y", "15"}}, {words})})});
    edge::HttpResponse out;
    out.status = row == nullptr ? 404 : 200;
    out.content_type = "image/svg+xml";
    out.body = picture.markup();
    out.headers.emplace_back("Cache-Control", "max-age=60");
    return out;
}

}  // namespace vigil::verifier::web
