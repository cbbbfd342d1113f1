#include "node/page.hpp"

#include <cstdlib>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "node/assets.hpp"
#include "node/console_lines.hpp"
#include "node/limit_keeper.hpp"
#include "proto/edge/html.hpp"

namespace vigil::node {
namespace {

using edge::element;
using edge::Html;
using edge::leaf;

Html fact(const char* name, const Html& value, const Html& note = {}) {
    Html out = element("dt", {name});
    out += element("dd", {value});
    if (!note.markup().empty()) out += element("dd", {{"class", "note"}}, {note});
    return element("div", {out});
}

Html section(const char* heading, const Html& content) {
    return element("section", {element("h2", {heading}), content});
}

std::string ago(Instant then, Instant now) { return time_words(now - then) + " ago"; }

std::string utc(Instant time) { return clock_words(time, std::chrono::seconds{0}, true) + " UTC"; }

Html connection(const NodeStatus& s, Instant now) {
    const std::string since = fmt::format("for {}", time_words(now - s.connection_changed));
    if (s.connected)
        return fact("Verifier",
                    element("span", {{"class", "state online"}},
                            {element("span", {{"class", "shape"}, {"aria-hidden", "true"}}, {"● "}),
                             s.polling ? "connected by polling" : "connected"}),
                    s.verifier + ", " + since);
    return fact("Verifier",
                element("span", {{"class", "state offline"}},
                        {element("span", {{"class", "shape"}, {"aria-hidden", "true"}}, {"✗ "}),
                         "not connected"}),
                s.verifier + ", " + since + (s.trouble.empty() ? "" : ": " + s.trouble));
}

Html now_facts(const NodeStatus& s, Instant now) {
    Html all = connection(s, now);
    all += fact("Network", s.network.empty() ? std::string{"not known yet"} : s.network);
    const auto by = next_check_by(s, now);
    all += fact("Next check by", by ? utc(*by) : std::string{"–"},
                "a secret moment before; spot checks may come at any");
    all += fact("Round trip",
                s.round_trip ? fmt::format("{} ms", s.round_trip->count()) : std::string{"–"},
                s.clock_offset
                    ? Html{fmt::format("this clock is {} ms {}", std::abs(s.clock_offset->count()),
                                       s.clock_offset->count() < 0 ? "behind" : "ahead")}
                    : Html{});
    all +=
        fact("Receipts", grouped(s.receipts),
             s.last_receipt ? Html{fmt::format("the last for {}, {}", a_check(s.last_receipt->kind),
                                               ago(s.last_receipt->at, now))}
                            : Html{"none since the start"});
    all += fact("Answers without one", grouped(s.unsent),
                s.unsent > 0 ? Html{"sent again until their deadlines"} : Html{});
    all +=
        fact("Running for", time_words(now - s.started), fmt::format("vigil-node {}", s.version));
    if (s.advice.outdated) all += fact("Update", s.advice.words(s.version));
    return element("dl", {{"class", "facts"}}, {all});
}

std::string rate_or_dash(double rate) { return rate > 0 ? rate_words(rate) : "–"; }

Html device_table_html(const NodeStatus& s, Instant now) {
    Html head;
    for (const char* name :
         {"Device", "State", "Rate, 10 s", "Rate, 15 min", "Verified", "Health", "Last verdict"})
        head += element("th", {{"scope", "col"}}, {name});
    Html rows;
    for (const DeviceStatus& d : s.devices) {
        const auto cell = [](edge::Literal label, const Html& content) {
            return element("td", {{"data-label", label.text}}, {content});
        };
        const auto number = [](edge::Literal label, double rate) {
            return element("td", {{"data-label", label.text}, {"class", "tight"}},
                           {rate_or_dash(rate)});
        };
        const double verified = d.last_verdict ? static_cast<double>(d.last_verdict->rate) : 0;
        Html row = element("th", {{"scope", "row"}, {"class", "who"}},
                           {d.label, " ", element("small", {d.description.name})});
        row += cell("State", d.retired        ? retirement_words(d)
                             : d.retires_from ? state_words(d) + ", " + retirement_words(d)
                                              : state_words(d));
        row += number("Rate, 10 s", d.rate_10s > 0 ? d.rate_10s : d.hashes_per_second);
        row += number("Rate, 15 min", d.rate_15m);
        row += number("Verified", verified);
        row += cell("Health", health_words(d.health));
        row += element("td", {{"data-label", "Last verdict"}, {"class", "reason"}},
                       {d.last_verdict ? verdict_line("", *d.last_verdict, std::nullopt).substr(1) +
                                             ", " + ago(d.last_verdict_at, now)
                                       : std::string{"none yet"}});
        rows += element("tr", {row});
    }
    return element(
        "div",
        {{"class", "scroll"},
         {"tabindex", "0"},
         {"role", "region"},
         {"aria-label", "The devices of this node"}},
        {element("table", {{"class", "cards"}},
                 {element("caption", {"The devices of this node"}),
                  element("thead", {element("tr", {head})}), element("tbody", {rows})})});
}

struct CellWords {
    const char* css;
    const char* shape;
    const char* words;
};

/// Of a window without a verdict, all by the verifier's clock.
CellWords open_cell(const Span& span, Instant now, Instant started) {
    if (now < span.begin) return {"later", "–", "to come"};
    if (span.contains(now)) return {"open", "◔", "under way"};
    if (span.end <= started) return {"later", "·", "before this start"};
    return {"later", "?", "no verdict was told"};
}
CellWords cell_of(WindowMark mark, const Span& span, Instant now, Instant started) {
    switch (mark) {
        case WindowMark::open:
            return open_cell(span, now, started);
        case WindowMark::passed:
            return {"complete", "✓", "roll call passed"};
        case WindowMark::failed:
            return {"incomplete", "✗", "roll call failed"};
        case WindowMark::voided:
            return {"void", "○", "void"};
    }
    return open_cell(span, now, started);
}

/// Window i of a day, as the calendar has it: what the verifier's clock says.
Span span_of(const NodeStatus& s, const DeviceStatus& d, std::size_t i) {
    const auto count = static_cast<std::int64_t>(d.windows.size());
    const Instant begin =
        instant_from_ms(s.window_length.count() * (d.day * count + static_cast<std::int64_t>(i)));
    return {begin, begin + s.window_length};
}

Html windows_of(const NodeStatus& s, const DeviceStatus& d, Instant now) {
    Html out = element("h3", {d.label});
    const Milliseconds offset = s.clock_offset.value_or(Milliseconds{});
    const Instant there = now - offset, started = s.started - offset;
    // What the board holds is of the day of the last verdict, which may be over.
    const bool today = !d.windows.empty() && s.window_length > Milliseconds::zero() &&
                       there < span_of(s, d, d.windows.size() - 1).end;
    if (!today) {
        out += element("p", {{"class", "empty"}}, {"No roll call was judged today."});
        return out;
    }
    const bool seconds = s.window_length < std::chrono::minutes{10};
    Html cells;
    for (std::size_t i = 0; i < d.windows.size(); ++i) {
        const Span span = span_of(s, d, i);
        const CellWords words = cell_of(d.windows[i], span, there, started);
        const std::string when = fmt::format(
            "{} · {}–{}", i + 1, clock_words(span.begin, std::chrono::seconds{0}, seconds),
            clock_words(span.end, std::chrono::seconds{0}, seconds));
        cells += element("li", {{"class", words.css}},
                         {element("span", {{"class", "when"}}, {when}),
                          element("span", {{"class", "what"}},
                                  {element("span", {{"aria-hidden", "true"}}, {words.shape, " "}),
                                   words.words})});
    }
    out += element("ol", {{"class", "windows"}}, {cells});
    return out;
}

Html windows_today(const NodeStatus& s, Instant now) {
    Html out;
    for (const DeviceStatus& d : s.devices) out += windows_of(s, d, now);
    out += element("p", {{"class", "note"}},
                   {"As far as this node was told; times are UTC. What counts, and why, stands on "
                    "the device's page of the verifier: search there for its id, below."});
    return out;
}

Html state_of(const WorkloadState& state) {
    const bool known = state.is != WorkloadState::Is::unknown;
    const bool good = state.is == WorkloadState::Is::good;
    return element("span",
                   {{"class", known ? good ? "state online" : "state offline" : "state waiting"}},
                   {element("span", {{"class", "shape"}, {"aria-hidden", "true"}},
                            {known ? good ? "● " : "✗ " : "◌ "}),
                    to_string(state.is)});
}

Html workloads(const NodeStatus& s, Instant now) {
    Html head, rows;
    for (const char* name : {"Workload", "State", "Since", "While it fails", "Why"})
        head += element("th", {{"scope", "col"}}, {name});
    for (const WorkloadStatus& w : s.workloads) {
        const auto cell = [](edge::Literal label, const Html& content) {
            return element("td", {{"data-label", label.text}}, {content});
        };
        rows += element(
            "tr", {element("th", {{"scope", "row"}, {"class", "who"}},
                           {w.name, " ", element("small", {w.way})}),
                   cell("State", state_of(w.state)), cell("Since", ago(w.state.since, now)),
                   cell("While it fails", w.pauses ? "the devices rest" : "it is only reported"),
                   element("td", {{"data-label", "Why"}, {"class", "reason"}},
                           {w.state.why.empty() ? std::string{"–"} : w.state.why})});
    }
    return element(
        "div",
        {{"class", "scroll"},
         {"tabindex", "0"},
         {"role", "region"},
         {"aria-label", "What must run beside the node"}},
        {element("table", {{"class", "cards"}},
                 {element("caption", {"What must run beside the node"}),
                  element("thead", {element("tr", {head})}), element("tbody", {rows})})});
}

Html limits(const NodeStatus& s, Instant now) {
    Html out;
    for (const DeviceStatus& d : s.devices)
        if (!d.paused.empty())
            out += element("p", {fmt::format("{} rests for {}: {}; {}, {} missed so far.", d.label,
                                             time_words(now - d.paused_since), d.paused,
                                             pause_costs(d), d.missed_while_paused)});
    return out.markup().empty() ? element("p", {"No device rests."}) : out;
}

Html trouble(const NodeStatus& s, Instant now) {
    if (!s.last_error) return element("p", {"None since the start."});
    return element("p", {s.last_error->what + ", " + ago(s.last_error->at, now)});
}

Html who(const NodeStatus& s) {
    Html all = fact("Node id", element("code", {{"class", "hash"}}, {to_hex(s.node)}));
    for (const DeviceStatus& d : s.devices)
        all += fact("Device id", element("code", {{"class", "hash"}}, {to_hex(d.id)}), d.label);
    all += fact("Payout address", element("code", {{"class", "hash"}}, {s.payout}));
    if (s.last_receipt)
        all += fact("Last answer",
                    element("code", {{"class", "hash"}}, {to_hex(s.last_receipt->answer)}),
                    "its signed receipt is in receipts.jsonl");
    return element("dl", {{"class", "facts"}}, {all});
}

}  // namespace

std::string status_page(const NodeStatus& s, Instant now) {
    const std::string name = s.name.empty() ? std::string{"this node"} : s.name;
    Html head = leaf("meta", {{"charset", "utf-8"}});
    head +=
        leaf("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    head += leaf("meta", {{"name", "color-scheme"}, {"content", "light dark"}});
    head += element("title", {name + " · vigil-node"});
    head += leaf("link",
                 {{"rel", "icon"}, {"href", asset_address("icon.svg")}, {"type", "image/svg+xml"}});
    head += leaf("link", {{"rel", "stylesheet"}, {"href", asset_address("vigil.css")}});
    Html main = element("h1", {name});
    main += section("Now", now_facts(s, now));
    main += section("Devices", device_table_html(s, now));
    main += section("Windows today", windows_today(s, now));
    if (!s.workloads.empty()) main += section("What must run beside it", workloads(s, now));
    main += section("Your limits", limits(s, now));
    main += section("Last error", trouble(s, now));
    main += section("Who this is", who(s));
    Html body = element("a", {{"class", "skip"}, {"href", "#main"}}, {"To the content"});
    body += element("header", {element("a", {{"class", "brand"}, {"href", "/"}},
                                       {element("span", {"Vigil"}), element("small", {"node"})})});
    body += element("main", {{"id", "main"}}, {main});
    body += element(
        "footer",
        {element("p", {fmt::format("As of {}. Reload for newer numbers.", utc(now))}),
         element("p", {"The same as JSON: ", element("a", {{"href", "/status"}}, {"/status"}),
                       " · for Prometheus: ", element("a", {{"href", "/metrics"}}, {"/metrics"}),
                       " · ", element("a", {{"href", "/healthz"}}, {"health"})})});
    return edge::document(element("head", {head}), element("body", {body}));
}

}  // namespace vigil::node
