#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/crypto/payout_address.hpp"
#include "verifier/web/directory.hpp"
#include "verifier/web/pages/provider_parts.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t most_rows_of_a_page = 100;

struct Column {
    const char* name;
    const char* explanation;
    std::optional<ProviderOrder> order;
    bool right = false;
};
constexpr std::array<Column, 11> columns{{
    {"Rank", "By balance: what was credited and not slashed", ProviderOrder::rank, true},
    {"Provider", "Name of its first node, as the owner gave it; below it the payout address",
     ProviderOrder::name},
    {"State",
     "By the latest checks of its devices. Online: passed the latest check of the fleet. Suspect: "
     "did not, but passed one within a window before. Offline: neither",
     {}},
    {"Hash rate",
     "Verified: the mean of each device's last six roll calls, added up, with the 95 % interval",
     ProviderOrder::rate, true},
    {"GPUs",
     "Models as the owner claims them: keccak shows hashing per time, not a card's model",
     {}},
    {"Passed 30 d",
     "Windows complete or void, of those due in the last 30 settled days; excused days do not "
     "count",
     ProviderOrder::pass_rate, true},
    {"Streak",
     "Days up in a row, the least of its devices, at most 30; excused days are passed over",
     ProviderOrder::up_run, true},
    {"Grace", "Days it may be away without a slash, the least of its devices", ProviderOrder::grace,
     true},
    {"Today", "Credits so far today, as if every window to come were missed", ProviderOrder::today,
     true},
    {"Balance", "Credits of all settled days less what was slashed", {}, true},
    {"By region",
     "Where its owner says it is, and the share of its windows passed there in 30 days",
     {}},
}};

Html heading(const Column& column, const DirectoryWish& wish, const Query& query) {
    const std::string cls = column.right ? "n" : "";
    if (!column.order)
        return element("th", {{"scope", "col"}, {"class", cls}},
                       {element("abbr", {{"title", column.explanation}}, {column.name})});
    const bool current = *column.order == wish.order;
    const std::string name = name_of(*column.order).name;
    // Once more on the same column turns the order round.
    const std::string next = current && !wish.reversed ? std::string{"-"}.append(name) : name;
    const bool rises = (*column.order == ProviderOrder::name ||
                        *column.order == ProviderOrder::rank) != wish.reversed;
    const Html text = element(
        "abbr", {{"title", column.explanation}},
        {link("/providers" + query.with("sort", next).with("page", "").to_text(), column.name)});
    if (!current) return element("th", {{"scope", "col"}, {"class", cls}}, {text});
    return element(
        "th", {{"scope", "col"}, {"class", cls}, {"aria-sort", rises ? "ascending" : "descending"}},
        {text, rises ? " ▲" : " ▼"});
}

Html row(const Fleet& fleet, std::uint32_t place) {
    const FleetProvider& provider = fleet.records->providers[place];
    const std::string address = to_checksum_text(provider.payout);
    const std::string shorter = short_address(provider.payout);
    return element(
        "tr",
        {number_cell("Rank", grouped(provider.rank)),
         element("th", {{"scope", "row"}, {"class", "who"}},
                 {link("/providers/" + address, provider.name.empty() ? shorter : provider.name),
                  element("small", {{"title", address}}, {shorter})}),
         cell("State", provider_state_html(fleet, place)),
         number_cell("Hash rate", rate_text(provider.rate)),
         cell("GPUs", models_html(*fleet.records, provider)),
         number_cell("Passed 30 d", share_text(provider.counted_30d, provider.due_30d)),
         number_cell("Streak", std::to_string(provider.up_run)),
         number_cell("Grace", std::to_string(provider.grace_left)),
         number_cell("Today", credits_html(provider.credit_so_far)),
         number_cell("Balance", credits_html(provider.balance)),
         cell("By region", regions_html(*fleet.records, provider))});
}

/// For fingers, which cannot point at a heading.
Html meanings() {
    Html all;
    for (const Column& column : columns)
        all += element("div", {{"class", "entry"}},
                       {element("dt", {column.name}), element("dd", {column.explanation})});
    return element("details", {element("summary", {"What the columns mean"}),
                               element("dl", {{"class", "entries"}}, {all})});
}

Html option(const std::string& value, std::string_view text, bool chosen) {
    return chosen ? element("option", {{"value", value}, {"selected", ""}}, {text})
                  : element("option", {{"value", value}}, {text});
}

Html filters(const DirectoryWish& wish, const Query& query) {
    Html choices = option("", "any", !wish.state);
    for (const State state :
         {State::online, State::suspect, State::offline, State::waiting, State::retired})
        choices += option(std::string{to_string(state)}, to_string(state), wish.state == state);
    Html fields =
        element("label", {"Search", leaf("input", {{"type", "search"},
                                                   {"name", "q"},
                                                   {"value", query.text("q")},
                                                   {"maxlength", "80"},
                                                   {"placeholder", "Name, model, id, region"}})});
    fields += element("label", {"State", element("select", {{"name", "state"}}, {choices})});
    fields += element("label", {"At least, MH/s", leaf("input", {{"type", "number"},
                                                                 {"name", "rate"},
                                                                 {"min", "0"},
                                                                 {"value", query.text("rate")},
                                                                 {"inputmode", "numeric"}})});
    fields +=
        element("label", {"Passed 30 d, at least %", leaf("input", {{"type", "number"},
                                                                    {"name", "pass"},
                                                                    {"min", "0"},
                                                                    {"max", "100"},
                                                                    {"value", query.text("pass")},
                                                                    {"inputmode", "numeric"}})});
    if (!query.text("sort").empty())
        fields +=
            leaf("input", {{"type", "hidden"}, {"name", "sort"}, {"value", query.text("sort")}});
    fields += element("button", {{"type", "submit"}}, {"Show"});
    return element("form", {{"action", "/providers"}, {"class", "filters"}}, {fields});
}

Html paging(const DirectoryWish& wish, const DirectoryPage& page, const Query& query) {
    const auto to = [&](std::size_t number) {
        return "/providers" + query.with("page", std::to_string(number)).to_text();
    };
    Html out = element("span", {fmt::format("{} provider{}, page {} of {}", grouped(page.found),
                                            page.found == 1 ? "" : "s", wish.page,
                                            std::max<std::size_t>(1, page.pages))});
    Html ways;
    if (wish.page > 1)
        ways += element("a", {{"href", to(wish.page - 1)}, {"rel", "prev"}}, {"← Previous"});
    ways += " ";
    if (wish.page < page.pages)
        ways += element("a", {{"href", to(wish.page + 1)}, {"rel", "next"}}, {"Next →"});
    out += element("span", {ways});
    out += element("span", {link("/providers.csv" + query.to_text(), "CSV"), " · ",
                            link("/providers.json" + query.to_text(), "JSON")});
    return element("nav", {{"class", "pages"}, {"aria-label", "Pages of the list"}}, {out});
}

}  // namespace

Html provider_state_html(const Fleet& fleet, std::uint32_t place) {
    const auto& counts = fleet.provider_states[place];
    const auto of = [&](State state) { return counts[static_cast<std::size_t>(state)]; };
    const std::uint32_t expected = of(State::online) + of(State::suspect) + of(State::offline);
    if (expected == 0) return state_html(of(State::waiting) > 0 ? State::waiting : State::retired);
    const State worst = of(State::online) == expected                ? State::online
                        : of(State::online) + of(State::suspect) > 0 ? State::suspect
                                                                     : State::offline;
    if (expected == 1) return state_html(worst);
    return state_html(worst, fmt::format("{} of {} online", of(State::online), expected));
}

Html models_html(const FleetRecords& records, const FleetProvider& provider) {
    constexpr std::size_t shown = 2;
    std::string text, all;
    for (std::size_t i = 0; i < provider.models.size(); ++i) {
        const auto& [model, count] = provider.models[i];
        const std::string one = count == 1 ? records.models[model]
                                           : fmt::format("{} × {}", count, records.models[model]);
        if (i < shown) text.append(i == 0 ? "" : ", ").append(one.substr(0, 60));
        if (i < 8) all.append(i == 0 ? "" : ", ").append(one);
    }
    if (provider.models.size() > shown)
        text += fmt::format(" and {} more", provider.models.size() - shown);
    return element("span", {{"title", all}}, {text});
}

Html regions_html(const FleetRecords& records, const FleetProvider& provider) {
    constexpr std::size_t shown = 3;
    Html out;
    for (std::size_t i = 0; i < std::min(shown, provider.by_region.size()); ++i) {
        const RegionPart& part = provider.by_region[i];
        if (i > 0) out += ", ";
        out += region_name(records, part);
        if (part.due_30d > 0) out += fmt::format(" {}", share_text(part.counted_30d, part.due_30d));
    }
    if (provider.by_region.size() > shown)
        out += fmt::format(" and {} more", provider.by_region.size() - shown);
    return out;
}

std::string region_name(const FleetRecords& records, const RegionPart& part) {
    const std::string& name = records.regions[part.region];
    return name.empty() ? "not said" : name;
}

Page providers_page(const Site& site, const Question& question) {
    auto wish = directory_wish(question.query);
    if (!wish) return bad_question(wish.error());
    wish->rows = std::min(wish->rows, most_rows_of_a_page);
    const auto fleet = site.watch.fleet();
    const DirectoryPage page = look_up(*fleet, *wish);
    if (wish->page > 1 && page.places.empty())
        return bad_question(fmt::format("page: there are only {}", page.pages));
    Html head, rows;
    for (const Column& column : columns) head += heading(column, *wish, question.query);
    for (const std::uint32_t place : page.places) rows += row(*fleet, place);
    Html list = page.places.empty()
                    ? element("p", {{"class", "empty"}},
                              {"No provider is like this. ", link("/providers", "Show all"), "."})
                    : card_table("Providers", head, rows);
    list += paging(*wish, page, question.query);
    list += meanings();
    Html main = element("h1", {"Providers"});
    main += element(
        "p", {{"class", "lead"}},
        {"Who brings how much, and how reliably. Hash rates are ", source_html(Source::verified),
         ", names, models and regions ", source_html(Source::claimed), ", the rest ",
         source_html(Source::derived), ". Point at a heading to read what it means."});
    main += element("section", {filters(*wish, question.query),
                                element("div", {{"id", "list"}, {"data-part", ""}}, {list})});
    return {.title = "Providers", .main = main, .path = "/providers"};
}

}  // namespace vigil::verifier::web
