#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/crypto/payout_address.hpp"
#include "verifier/web/pages/provider_parts.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t most_devices = 300;

Html window_marks(const FleetDevice& device) {
    Html out;
    for (const WindowOutcome outcome : device.today)
        out += element(
            "span",
            {{"class", std::string{css_class(outcome)}},
             {"title", std::string{to_string(outcome)}}},
            {shape_of(outcome), element("span", {{"class", "skip"}}, {to_string(outcome), " "})});
    return element("span", {{"class", "marks"}}, {out});
}

Html device_row(const Fleet& fleet, std::uint32_t place) {
    const FleetRecords& records = *fleet.records;
    const FleetDevice& device = records.devices[place];
    const FleetNode& node = records.nodes[device.node];
    return element("tr",
                   {element("th", {{"scope", "row"}, {"class", "who"}},
                            {link("/devices/" + to_hex(device.id), short_id(device.id)),
                             element("small", {records.models[device.model]})}),
                    cell("Node", node.name), cell("State", state_html(fleet.states[place])),
                    number_cell("Hash rate", rate_text(device.rate)),
                    cell("Windows today", window_marks(device)),
                    number_cell("Passed 30 d", share_text(device.counted_30d, device.due_30d)),
                    number_cell("Streak", std::to_string(device.up_run)),
                    number_cell("Grace", std::to_string(device.standing.grace_left)),
                    number_cell("Today", credits_html(device.credit_so_far)),
                    number_cell("Balance", credits_html(device.standing.balance))});
}

Html devices_table(const Fleet& fleet, const FleetProvider& provider) {
    Html head = column("Device", "First digits of its id; below it the model as claimed");
    head += column("Node", "The machine it is in, as its owner named it");
    head += column("State", "By its latest checks");
    head += column_right("Hash rate",
                         "Verified: the mean of its last six roll calls, with the 95 % interval");
    head += column("Windows today", "✓ complete, ✗ incomplete, ○ void, · not enrolled");
    head +=
        column_right("Passed 30 d", "Windows complete or void, of those due in 30 settled days");
    head += column_right("Streak", "Days up in a row, at most 30");
    head += column_right("Grace", "Days it may be away without a slash");
    head += column_right("Today", "Credits so far today, as if every window to come were missed");
    head += column_right("Balance", "Credits of all settled days less what was slashed");
    Html rows;
    for (std::size_t i = 0; i < std::min(most_devices, provider.devices.size()); ++i)
        rows += device_row(fleet, provider.devices[i]);
    Html out = card_table("Devices", head, rows);
    if (provider.devices.size() > most_devices)
        out += element(
            "p", {{"class", "note"}},
            {fmt::format("The first {} of {} devices.", most_devices, provider.devices.size())});
    return out;
}

}  // namespace

Page provider_page(const Site& site, const Question& question) {
    const auto payout = payout_address_from_text(question.rest);
    if (!payout) return not_found("This is no payout address: " + question.rest.substr(0, 60));
    const auto fleet = site.watch.fleet();
    const auto found = fleet->records->by_payout.find(*payout);
    if (found == fleet->records->by_payout.end())
        return not_found("No device of this network pays to " + to_checksum_text(*payout) + ".");
    const FleetProvider& provider = fleet->records->providers[found->second];
    const std::string name = provider.name.empty() ? short_address(provider.payout) : provider.name;
    Html main = element(
        "nav", {{"class", "crumbs"}, {"aria-label", "Where this is"}},
        {element("ol", {element("li", {link("/providers", "Providers")}), element("li", {name})})});
    main += element("h1", {name});
    main += element(
        "section", {{"id", "standing"}, {"data-part", ""}},
        {facts({fact("State", provider_state_html(*fleet, found->second)),
                fact("Hash rate", rate_text(provider.rate), source_html(Source::verified)),
                fact("Credits today, so far", credits_html(provider.credit_so_far),
                     source_html(Source::derived)),
                fact("Balance", credits_html(provider.balance),
                     fmt::format("rank {} of {}", grouped(provider.rank),
                                 grouped(fleet->records->providers.size()))),
                fact("Passed in 30 days", share_text(provider.counted_30d, provider.due_30d),
                     fmt::format("{} of {} windows", grouped(provider.counted_30d),
                                 grouped(provider.due_30d))),
                fact("GPUs", models_html(*fleet->records, provider), source_html(Source::claimed)),
                fact("By region", regions_html(*fleet->records, provider),
                     [] {
                         Html note = source_html(Source::claimed);
                         note += " and windows passed there in 30 days";
                         return note;
                     }()),
                fact("Payout address",
                     element("code", {{"class", "hash"}}, {to_checksum_text(provider.payout)}))})});
    main += section("devices",
                    fmt::format("{} device{} on {} node{}", provider.devices.size(),
                                provider.devices.size() == 1 ? "" : "s", provider.nodes,
                                provider.nodes == 1 ? "" : "s"),
                    devices_table(*fleet, provider));
    return {.title = name, .main = main, .path = "/providers"};
}

}  // namespace vigil::verifier::web
