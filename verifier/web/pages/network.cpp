#include <algorithm>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "verifier/web/pages/provider_parts.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

struct Range {
    const char* name;
    const char* words;
    std::int64_t days;
};
constexpr std::array<Range, 3> ranges{
    {{"1d", "1 day", 1}, {"7d", "7 days", 7}, {"30d", "30 days", 30}}};

Html live(Literal name, const Html& value) {
    return element("span", {{"data-live", name.text}}, {value});
}

Html count_html(const Fleet& fleet, State state) {
    const std::size_t count = fleet.counts[static_cast<std::size_t>(state)];
    return element(
        "a",
        {{"href", "/providers?state=" + std::string{to_string(state)}},
         {"class", "count " + std::string{to_string(state)}}},
        {element("strong", {{"data-live", std::string{to_string(state)}}}, {grouped(count)}),
         state_html(state)});
}

Html headline(const Fleet& fleet) {
    Html out = element("div", {{"class", "hero"}},
                       {element("p", {{"class", "label"}},
                                {"Verified hash rate now ", source_html(Source::verified)}),
                        element("p", {{"class", "big"}}, {live("rate", rate_text(fleet.rate))}),
                        element("p", {{"class", "note"}},
                                {"of the devices online, with its 95 % interval; each counts by "
                                 "its last six roll calls"})});
    out += element("div", {{"class", "counts"}},
                   {count_html(fleet, State::online), count_html(fleet, State::suspect),
                    count_html(fleet, State::offline), count_html(fleet, State::waiting)});
    return element("div", {{"class", "headline"}}, {out});
}

Html today(const Site& site, const Fleet& fleet, Instant now) {
    const FleetRecords& records = *fleet.records;
    const Calendar calendar = site.schedule.calendar();
    const WindowIndex window = calendar.window_at(now);
    const auto of = [&](WindowOutcome outcome) {
        return records.windows_today[static_cast<std::size_t>(outcome)];
    };
    const std::size_t complete = of(WindowOutcome::complete);
    const std::size_t decided = complete + of(WindowOutcome::incomplete);
    const std::int64_t number =
        window.value - calendar.first_window(calendar.day_of(window)).value + 1;
    return facts(
        {fact("Window", fmt::format("{} of {}", number, calendar.windows_per_day()), Html{}),
         fact("Closes in", live("window", countdown_html(now, calendar.span(window).end))),
         fact("Windows passed today", live("windows", share_text(complete, decided)),
              fmt::format("{} complete, {} incomplete, {} void", complete,
                          of(WindowOutcome::incomplete), of(WindowOutcome::voided))),
         fact("Credits today, so far", credits_html(records.credit_so_far),
              source_html(Source::derived)),
         fact("Balances", credits_html(records.balance),
              fmt::format("{} providers, {} devices", grouped(records.providers.size()),
                          grouped(records.devices.size()))),
         fact("Last day settled",
              records.settled ? link("/log", fmt::format("day {}", records.settled->day.value))
                              : Html{"none yet"},
              records.settled ? time_html(records.settled->settled) : Html{})});
}

/// Bars by attributes of SVG: the policy of this site allows no inline style.
Html histogram(const RollCallAnswers& roll_call) {
    constexpr int width = 20, height = 96;
    const std::uint32_t most =
        std::max(1U, *std::max_element(roll_call.answers.begin(), roll_call.answers.end()));
    const auto part =
        (roll_call.deadline - roll_call.start) / static_cast<int>(RollCallAnswers::parts);
    Html bars, rows;
    for (std::size_t i = 0; i < roll_call.answers.size(); ++i) {
        const std::uint32_t count = roll_call.answers[i];
        const int tall = count == 0 ? 1 : std::max(3, static_cast<int>(count * height / most));
        const double from = static_cast<double>((part * static_cast<int>(i)).count()) / 1000;
        const double to = static_cast<double>((part * static_cast<int>(i + 1)).count()) / 1000;
        const std::string words = fmt::format("{:.1f} to {:.1f} s: {} answers", from, to, count);
        bars += element("rect",
                        {{"x", std::to_string(static_cast<int>(i) * width + 2)},
                         {"y", std::to_string(height - tall)},
                         {"width", std::to_string(width - 4)},
                         {"height", std::to_string(tall)},
                         {"rx", "2"},
                         {"class", count == 0 ? "empty" : "bar"}},
                        {element("title", {words})});
        if (count > 0)
            rows += element("tr", {element("td", {fmt::format("{:.1f}–{:.1f} s", from, to)}),
                                   element("td", {{"class", "n"}}, {grouped(count)})});
    }
    const double allowed =
        static_cast<double>((roll_call.deadline - roll_call.start).count()) / 1000;
    Html picture = element("svg",
                           {{"viewBox", fmt::format("0 0 {} {}", width * 16, height)},
                            {"class", "bars"},
                            {"role", "img"},
                            {"preserveAspectRatio", "none"},
                            {"aria-label", "Answer times of the last roll call"}},
                           {bars});
    Html head = element("th", {{"scope", "col"}}, {"Time after the start"});
    head += element("th", {{"scope", "col"}, {"class", "n"}}, {"Answers"});
    return element("figure", {{"class", "histogram"}},
                   {picture,
                    element("p", {{"class", "axis"}, {"aria-hidden", "true"}},
                            {element("span", {"start"}),
                             element("span", {fmt::format("deadline, {:.0f} s", allowed)})}),
                    element("details", {element("summary", {"The numbers of this chart"}),
                                        table("Answers by time after the start", head, rows)})});
}

Html roll_call(const Site& site, const Fleet& fleet, Instant now) {
    if (!fleet.roll_call)
        return element("p", {"No roll call was answered since this verifier started. There is one "
                             "in each window, at a moment nobody knows before."});
    const RollCallAnswers& call = *fleet.roll_call;
    const std::uint32_t answered = call.answered();
    const bool open = now < call.deadline;
    const std::int64_t slot = site.schedule.calendar().slot_at(call.start).value;
    return facts(
        {fact("Started", time_html(call.start), duration_text(now - call.start) + " ago"),
         fact("Answered",
              fmt::format("{} of {}", grouped(answered), grouped(fleet.roll_call_expected)),
              open ? Html{"the deadline is not over"} : Html{}),
         fact("Passed", grouped(call.passed),
              fmt::format("{} answered and failed", grouped(call.failed))),
         fact("Who answered", link(fmt::format("/checks?slot={}", slot), "every device"))});
}

/// Where devices are, as owners say: whether a trouble is one region's.
Html regions(const FleetRecords& records) {
    constexpr std::size_t shown = 20;
    Html rows;
    for (std::size_t i = 0; i < std::min(shown, records.by_region.size()); ++i) {
        const RegionPart& part = records.by_region[i];
        rows += element(
            "tr",
            {element("th", {{"scope", "row"}, {"class", "who"}}, {region_name(records, part)}),
             number_cell("Devices", grouped(part.devices)),
             number_cell("Hash rate", rate_text(part.rate)),
             number_cell("Passed 30 d", share_text(part.counted_30d, part.due_30d))});
    }
    Html head = column("Region", "As owners claim it; nobody checked it");
    head += column_right("Devices", "Those that are not retired");
    head += column_right("Hash rate", "Verified: what their last roll calls measured, added up");
    head +=
        column_right("Passed 30 d", "Windows complete or void, of those due in 30 settled days");
    Html out = card_table("Regions", head, rows);
    if (records.by_region.size() > shown)
        out += element("p", {{"class", "note"}},
                       {fmt::format("The {} with the most devices, of {}.", shown,
                                    grouped(records.by_region.size()))});
    return out;
}

Html history(const FleetRecords& records, const Site& site, const Range& range, Instant now) {
    Html choices;
    for (const Range& one : ranges)
        choices +=
            element("li", {&one == &range
                               ? element("strong", {one.words})
                               : link(std::string{"/?range="} + one.name + "#history", one.words)});
    const Instant from = now - site.schedule.calendar().day_length() * range.days;
    std::vector<ChartRow> rows;
    for (const RatePoint& point : records.history)
        if (point.at >= from) rows.push_back({point.at, point.rate});
    Html out = element("ul", {{"class", "choices"}, {"aria-label", "Time shown"}}, {choices});
    if (rows.empty())
        out += element("p", {{"class", "empty"}},
                       {"No window with a roll call was closed in this time."});
    else
        out += rate_chart(
            "rates",
            fmt::format("Sum of the roll calls of each closed window, {}, with its 95 % band",
                        range.words),
            rows);
    return out;
}

Html health(const Site& site, Instant now) {
    const auto why = site.not_ready();
    const DayIndex day = site.schedule.calendar().day_at(now);
    const auto policy = site.schedule.policy_on(day);
    return facts(
        {fact("Verifier",
              why ? element("span", {{"class", "bad"}}, {"✗ not ready"})
                  : element("span", {{"class", "good"}}, {"✓ ready"}),
              why ? Html{*why} : Html{"it can serve nodes"}),
         fact("Policy", link("/policy", policy->name),
              element("code", {{"class", "hash"}}, {to_hex(site.schedule.policy_hash_on(day))})),
         fact("Network id",
              element("code", {{"class", "hash"}}, {to_hex(site.schedule.network())}))});
}

}  // namespace

Page network_page(const Site& site, const Question& question) {
    const std::string wanted = question.query.text("range");
    const Range* range = &ranges[1];
    if (!wanted.empty()) {
        const auto found = std::find_if(ranges.begin(), ranges.end(),
                                        [&](const Range& r) { return wanted == r.name; });
        if (found == ranges.end()) return bad_question("range: 1d, 7d or 30d");
        range = found;
    }
    const auto fleet = site.watch.fleet();
    Html main =
        element("h1", {{"class", "quiet"}}, {"Network ", site.schedule.genesis().network_name});
    main += element("section", {{"id", "now"}, {"data-part", ""}},
                    {headline(*fleet), today(site, *fleet, question.now)});
    main += section("history", "Verified hash rate",
                    history(*fleet->records, site, *range, question.now));
    Html call = roll_call(site, *fleet, question.now);
    if (fleet->roll_call) call += histogram(*fleet->roll_call);
    main += section("roll-call", "Last roll call", call);
    if (!fleet->records->by_region.empty())
        main += section("regions", "By region", regions(*fleet->records));
    main += section("health", "Verifier and policy", health(site, question.now));
    return {.title = "Network", .main = main, .path = "/"};
}

}  // namespace vigil::verifier::web
