#pragma once

#include <string>
#include <vector>

#include "verifier/web/figures.hpp"
#include "verifier/web/html.hpp"

/// What several pages are put together from.
namespace vigil::verifier::web {

/// A number with its name: <dt>, <dd>.
Html fact(const Html& name, const Html& value, const Html& note = {});
Html facts(std::initializer_list<Html> all);
Html section(Literal id, std::string_view heading, const Html& content);
/// Explains itself: the explanation is text of the page, shown on hover and focus.
Html column(std::string_view name, std::string_view explanation);
Html column_right(std::string_view name, std::string_view explanation);
/// Of a row; on a narrow screen rows become cards, and the label stands before the content.
Html cell(Literal label, const Html& content);
Html number_cell(Literal label, const Html& content);
Html reason_cell(Literal label, const Html& content);
/// Wide tables scroll in their own box, which the keyboard can reach.
Html table(std::string_view caption, const Html& head_row, const Html& rows);
/// One whose rows become cards on a narrow screen.
Html card_table(std::string_view caption, const Html& head_row, const Html& rows);
Html link(const std::string& to, const Html& text);

struct ChartRow {
    Instant at;
    MeasuredRate rate;
};
/// Numbers as a table that a script draws; the table stays, folded.
Html rate_chart(Literal id, std::string_view caption, const std::vector<ChartRow>& rows);

}  // namespace vigil::verifier::web
