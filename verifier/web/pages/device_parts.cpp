#include "verifier/web/pages/device_parts.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "verifier/day_words.hpp"
#include "verifier/web/figures.hpp"
#include "verifier/web/parts.hpp"

namespace vigil::verifier::web {
namespace {

const CheckRow* roll_call_of(const DayFile& day, WindowIndex window) {
    for (const CheckRow& row : day.checks)
        if (row.verdict.claim.window == window && row.verdict.claim.kind == CheckKind::roll_call)
            return &row;
    return nullptr;
}

struct CellText {
    std::string css, shape, words;
    Html more;
};

CellText closed_cell(const DayFile& day, const DeviceId& id, const WindowRecord& record) {
    CellText out{.css = std::string{to_string(record.outcome)},
                 .shape = std::string{shape_of(record.outcome)},
                 .words = std::string{to_string(record.outcome)},
                 .more = {}};
    if (const CheckRow* call = roll_call_of(day, record.window)) {
        out.more = link(check_address(id, call->verdict),
                        call->verdict.received ? Html{"proof"} : Html{"roll call"});
        out.more += " ";
        out.more += clock_html(call->verdict.received.value_or(call->verdict.start));
        if (record.roll_call_rate > 0)
            out.more += element("span", {{"class", "small"}},
                                {rate_text(static_cast<double>(record.roll_call_rate))});
    }
    return out;
}

/// Of a window that is not closed.
CellText open_cell(const DeviceFile& file, WindowIndex window, WindowIndex current) {
    const Span span = Calendar{file.today.policy}.span(window);
    const auto later = [](const char* shape, const char* words, const Html& more) {
        return CellText{.css = "later", .shape = shape, .words = words, .more = more};
    };
    if (span.end <= file.today.genesis.founded) return later("·", "before the network", {});
    if (const auto why = why_not_counted(file.today, span))
        return later("·", "does not count", element("span", {{"class", "small"}}, {*why}));
    if (window > current) return later("–", "to come", {});
    if (window < current) return {.css = "open", .shape = "◔", .words = "closing", .more = {}};
    std::size_t passed = 0, failed = 0;
    for (const CheckRow& row : file.today.checks)
        if (row.verdict.claim.window == window && row.verdict.claim.kind != CheckKind::calibration)
            ++(row.final_verdict() == Verdict::passed ? passed : failed);
    return {.css = "open",
            .shape = "◔",
            .words = "under way",
            .more = Html{fmt::format("{} passed, {} failed so far", passed, failed)}};
}

struct DayMark {
    const char* css;
    const char* shape;
};
DayMark mark_of(const DayRecord* day) {
    if (day == nullptr) return {"none", ""};
    switch (day->outcome) {
        case DayOutcome::up:
            return {"up", "✓"};
        case DayOutcome::down:
            return {"down", "✗"};
        case DayOutcome::excused:
            return {"excused", "○"};
    }
    return {"none", ""};
}

}  // namespace

std::string check_address(const DeviceId& device, const VerdictRecord& verdict) {
    return fmt::format("/checks/{}?device={}&window={}", to_hex(verdict.challenge), to_hex(device),
                       verdict.claim.window.value);
}

Html window_cells(const Site& site, const DeviceFile& file, Instant now) {
    const Calendar calendar = site.schedule.calendar();
    const WindowIndex first = calendar.first_window(file.today.day);
    const WindowIndex current = calendar.window_at(now);
    Html cells;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(calendar.windows_per_day(), 48); ++i) {
        const WindowIndex window = first + i;
        const Span span = calendar.span(window);
        const auto& closed = file.today.windows;
        const auto record = std::find_if(closed.begin(), closed.end(),
                                         [&](const WindowRecord& w) { return w.window == window; });
        const CellText cell = record != closed.end()
                                  ? closed_cell(file.today, file.today.device.id, *record)
                                  : open_cell(file, window, current);
        Html when = fmt::format("{} · ", i + 1);
        when += clock_html(span.begin);
        cells += element(
            "li",
            {{"class", cell.css},
             {"title", record != closed.end() ? record->reason : std::string{}}},
            {element("span", {{"class", "when"}}, {when}),
             element("span", {{"class", "what"}},
                     {element("span", {{"aria-hidden", "true"}}, {cell.shape}), " ", cell.words}),
             cell.more,
             record != closed.end() && record->outcome != WindowOutcome::complete
                 ? element("span", {{"class", "small"}}, {record->reason})
                 : Html{}});
    }
    return element("ol", {{"class", "windows"}}, {cells});
}

Html day_calendar(const Site& site, const DeviceFile& file) {
    const DayIndex last = file.days.empty() ? file.today.day - 1 : file.days.front().day;
    Html cells;
    std::array<std::size_t, 4> counts{};
    auto record = file.days.rbegin();
    for (DayIndex day = last - (days_shown - 1); day <= last; ++day) {
        while (record != file.days.rend() && record->day < day) ++record;
        const bool known = record != file.days.rend() && record->day == day;
        const DayMark mark = mark_of(known ? &*record : nullptr);
        if (known) ++counts.at(static_cast<std::size_t>(record->outcome));
        const std::string what = known ? fmt::format("{}, {} credits", to_string(record->outcome),
                                                     to_credits(record->credit))
                                       : std::string{"no record"};
        cells += element(
            "li",
            {{"class", mark.css},
             {"title", fmt::format("day {}, {}: {}", day.value,
                                   utc_date(site.schedule.calendar().span(day).begin), what)}},
            {mark.shape});
    }
    const std::string up = fmt::format("✓ up: {}", counts[1]);
    const std::string down = fmt::format("✗ down: {}", counts[2]);
    const std::string excused = fmt::format("○ excused: {}", counts[3]);
    Html out = element("ol", {{"class", "calendar"}, {"aria-hidden", "true"}}, {cells});
    out += element("ul", {{"class", "legend"}},
                   {element("li", {up}), element("li", {down}), element("li", {excused}),
                    element("li", {"newest last; point at a day"})});
    return out;
}

Html ledger_table(const DeviceFile& file, const Calendar& calendar) {
    Html rows;
    for (const DayRecord& day : file.days) {
        if (day.outcome == DayOutcome::excused) continue;
        const bool up = day.outcome == DayOutcome::up;
        const char* const what = up ? "▲ credit" : day.grace_used ? "◆ grace" : "▼ slash";
        const char* const css = up ? "good" : day.grace_used ? "warn" : "bad";
        Html amount = up ? "+" : "−";
        amount += credits_html(up ? day.credit : day.slashed);
        rows += element("tr", {number_cell("Day", day_words(day.day, calendar)),
                               cell("What", element("span", {{"class", css}}, {what})),
                               number_cell("Amount", amount),
                               number_cell("Balance", credits_html(day.after.balance)),
                               reason_cell("Why", day.reason)});
    }
    if (rows.markup().empty())
        return element(
            "p", {{"class", "empty"}},
            {file.days.empty()
                 ? "Nothing was credited or slashed yet: the first day is not settled."
                 : "Nothing was credited or slashed yet: every settled day was excused."});
    Html head =
        column_right("Day", "Days since 1970, of the policy's length, and when it began (UTC)");
    head += column("What", "Credit of an up day; grace or slash of a down day");
    head += column_right("Amount", "Credits");
    head += column_right("Balance", "After the day");
    head += column("Why", "The arithmetic of the day");
    return card_table("Credits, grace and slashes", head, rows);
}

Html checks_table(const DeviceFile& file, const DeviceId& id) {
    if (file.checks.empty())
        return element("p", {{"class", "empty"}}, {"No check was judged yet."});
    Html rows;
    for (const CheckRow& row : file.checks) {
        const VerdictRecord& v = row.verdict;
        const Verdict verdict = row.final_verdict();
        const auto taken = v.received.value_or(v.start) - v.start;
        rows += element(
            "tr",
            {cell("Started", time_html(v.start)), cell("Check", words_of(v.claim.kind)),
             cell("Verdict",
                  element("span", {{"class", std::string{css_class(verdict)}}},
                          {shape_of(verdict), " ", link(check_address(id, v), words_of(verdict))})),
             number_cell("Answered",
                         v.received
                             ? fmt::format("{:.2f} s", static_cast<double>(taken.count()) / 1000)
                             : "–"),
             cell("Receipt",
                  v.received ? link(check_address(id, v) + "#receipt", "signed") : Html{"–"}),
             number_cell("Rate", rate_text(static_cast<double>(v.judgement.rate))),
             reason_cell("Why", row.voided ? *row.voided : v.judgement.reason)});
    }
    Html head = column("Started (UTC)", "When the challenge was published");
    head += column("Check",
                   "Roll call: all devices at one moment. Hourly, spot: shorter, in between. "
                   "Calibration: sets the first baseline and counts for nothing else");
    head += column("Verdict", "Opens the check: every number that was compared");
    head += column_right("Answered", "After the start");
    head += column("Receipt", "The verifier's signature that an answer came, and when");
    head += column_right("Rate", "Verified: work of the nonces, by the time since the start");
    head += column("Why", "The numbers compared");
    Html out = card_table("Checks", head, rows);
    const bool more = static_cast<std::int64_t>(file.checks.size()) == checks_shown;
    if (more)
        out += element(
            "p", {{"class", "pages"}},
            {link(fmt::format("/devices/{}?before={}#checks", to_hex(id), file.checks.back().row),
                  "Earlier checks →")});
    return out;
}

Html last_passed(const DeviceFile& file, Instant now) {
    std::size_t judged = 0;
    for (const CheckRow& row : file.checks) {
        if (row.verdict.claim.kind == CheckKind::calibration) continue;
        ++judged;
        if (row.final_verdict() == Verdict::passed)
            return fmt::format("passed a check {} ago", duration_text(now - row.verdict.start));
    }
    if (judged == 0) return "no check was judged yet";
    if (judged == 1) return "its last check was not passed";
    return fmt::format("none of its last {} checks was passed", judged);
}

Html be_told(const DeviceId& id) {
    Html out = element(
        "p", {"Its node can tell its owner when the device misses windows or is lost, when the "
              "verifier is not reached or a workload fails, and when that is over: by Discord, "
              "Slack, Telegram or a signed webhook of your own. In "
              "the node's ",
              element("code", {"node.toml"}), ":"});
    out += element(
        "pre", {{"tabindex", "0"}},
        {"incident_windows = 2        # windows missed in a row before anybody is told\n\n"
         "[[notify]]\n"
         "name = \"me\"\n"
         "kind = \"discord\"            # slack, telegram, webhook; ping for a dead-man's switch\n"
         "url_file = \"/var/lib/vigil-node/me.url\"   # holds the webhook's URL, mode 0600\n"});
    out += element("p", {"A badge with its state, for a page of your own:"});
    out += element("p", {leaf("img", {{"src", "/badges/" + to_hex(id)},
                                      {"alt", "Badge of this device's state"},
                                      {"height", "22"}})});
    out += element("pre", {{"tabindex", "0"}},
                   {fmt::format("<a href=\"https://THIS-SITE/devices/{0}\">"
                                "<img src=\"https://THIS-SITE/badges/{0}\" alt=\"Vigil\"></a>\n",
                                to_hex(id))});
    return out;
}

}  // namespace vigil::verifier::web
