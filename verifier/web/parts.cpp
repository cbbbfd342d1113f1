#include "verifier/web/parts.hpp"

#include <fmt/format.h>

namespace vigil::verifier::web {
namespace {

Html explained(std::string_view cls, std::string_view name, std::string_view explanation) {
    return element(
        "th", {{"scope", "col"}, {"class", std::string{cls}}, {"title", std::string{explanation}}},
        {element("abbr", {{"title", std::string{explanation}}}, {name})});
}

Html scrolled(Literal cls, std::string_view caption, const Html& head_row, const Html& rows) {
    return element(
        "div",
        {{"class", "scroll"},
         {"tabindex", "0"},
         {"role", "region"},
         {"aria-label", std::string{caption}}},
        {element("table", {{"class", cls.text}},
                 {element("caption", {caption}), element("thead", {element("tr", {head_row})}),
                  element("tbody", {rows})})});
}

}  // namespace

Html fact(const Html& name, const Html& value, const Html& note) {
    Html out = element("dt", {name});
    out += element("dd", {value});
    if (!note.markup().empty()) out += element("dd", {{"class", "note"}}, {note});
    return element("div", {out});
}

Html facts(std::initializer_list<Html> all) {
    Html out;
    for (const Html& one : all) out += one;
    return element("dl", {{"class", "facts"}}, {out});
}

Html section(Literal id, std::string_view heading, const Html& content) {
    return element("section", {{"id", id.text}, {"data-part", ""}},
                   {element("h2", {heading}), content});
}

Html column(std::string_view name, std::string_view explanation) {
    return explained("", name, explanation);
}
Html column_right(std::string_view name, std::string_view explanation) {
    return explained("n", name, explanation);
}

Html cell(Literal label, const Html& content) {
    return element("td", {{"data-label", label.text}}, {content});
}
Html number_cell(Literal label, const Html& content) {
    return element("td", {{"data-label", label.text}, {"class", "n"}}, {content});
}
Html reason_cell(Literal label, const Html& content) {
    return element("td", {{"data-label", label.text}, {"class", "reason"}}, {content});
}

Html table(std::string_view caption, const Html& head_row, const Html& rows) {
    return scrolled("plain", caption, head_row, rows);
}
Html card_table(std::string_view caption, const Html& head_row, const Html& rows) {
    return scrolled("cards", caption, head_row, rows);
}

Html link(const std::string& to, const Html& text) { return element("a", {{"href", to}}, {text}); }

Html rate_chart(Literal id, std::string_view caption, const std::vector<ChartRow>& rows) {
    Html body;
    for (const ChartRow& row : rows)
        body += element("tr",
                        {{"data-at", std::to_string(to_ms(row.at))},
                         {"data-value", fmt::format("{:.0f}", row.rate.value)},
                         {"data-half", fmt::format("{:.0f}", row.rate.half_width)}},
                        {element("td", {time_html(row.at)}),
                         element("td", {{"class", "n"}}, {rate_text(row.rate)})});
    Html head = element("th", {{"scope", "col"}}, {"Time (UTC)"});
    head += element("th", {{"scope", "col"}, {"class", "n"}}, {"Hash rate, 95 % interval"});
    return element(
        "figure", {{"class", "chart"}, {"id", id.text}, {"data-chart", "rate"}},
        {element("div", {{"class", "plot"}, {"role", "img"}, {"aria-label", std::string{caption}}},
                 {}),
         element("figcaption", {caption}),
         element("details",
                 {element("summary", {fmt::format("The {} numbers of this chart", rows.size())}),
                  table(caption, head, body)})});
}

}  // namespace vigil::verifier::web
