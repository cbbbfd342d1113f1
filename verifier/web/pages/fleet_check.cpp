#include <algorithm>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "verifier/web/pages/device_parts.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t rows_of_a_page = 50;
/// Above so many devices nobody counts who missed: it reads every verdict of the window.
constexpr std::size_t devices_counted = 10'000;

/// One check of the whole fleet, and who was expected to answer it.
struct FleetCall {
    std::shared_ptr<const Fleet> fleet;
    FleetCheck check;
    WindowIndex window;
    bool closed{};
    std::vector<std::uint32_t> expected;  ///< places of fleet->records->devices
};

FleetCall call_of(const Site& site, const FleetCheck& check) {
    const Calendar calendar = site.schedule.calendar();
    FleetCall out{.fleet = site.watch.fleet(),
                  .check = check,
                  .window = calendar.window_of(check.slot),
                  .closed = false,
                  .expected = {}};
    const FleetRecords& records = *out.fleet->records;
    out.closed = records.closed && *records.closed >= out.window;
    const DayIndex day = calendar.day_of(out.window);
    for (std::uint32_t place = 0; place < records.devices.size(); ++place) {
        const FleetDevice& device = records.devices[place];
        if (device.active_from <= check.start &&
            (!device.retired_from || day < *device.retired_from))
            out.expected.push_back(place);
    }
    return out;
}

/// Of the expected ones, those whose verdict is `missed` as judged, before any void.
std::vector<std::uint32_t> missed_of(const Site& site, const FleetCall& call) {
    const auto& devices = call.fleet->records->devices;
    std::vector<DeviceRef> missed;
    site.store.read([&](Reader& reader) {
        missed.clear();
        std::array<bool, 256> buckets{};
        for (const std::uint32_t place : call.expected) buckets[devices[place].ref.bucket] = true;
        for (std::size_t bucket = 0; bucket < buckets.size(); ++bucket) {
            if (!buckets[bucket]) continue;
            const auto at = static_cast<std::uint8_t>(bucket);
            for (const std::int64_t number :
                 reader.devices_that_missed(at, call.window, call.check.slot))
                missed.push_back({at, number});
        }
    });
    std::sort(missed.begin(), missed.end());
    std::vector<std::uint32_t> out;
    for (const std::uint32_t place : call.expected)
        if (std::binary_search(missed.begin(), missed.end(), devices[place].ref))
            out.push_back(place);
    return out;
}

struct Row {
    std::uint32_t place{};
    std::optional<CheckRow> check;
};

std::vector<Row> read_rows(const Site& site, const FleetCall& call,
                           std::span<const std::uint32_t> places) {
    std::vector<Row> rows;
    site.store.read([&](Reader& reader) {
        rows.clear();
        for (const std::uint32_t place : places) {
            Row& row = rows.emplace_back(Row{.place = place, .check = {}});
            const DeviceRef device = call.fleet->records->devices[place].ref;
            for (CheckRow& check : reader.checks_in(device, call.window))
                if (check.verdict.claim.kind == call.check.kind &&
                    check.verdict.claim.ref == static_cast<std::uint64_t>(call.check.slot.value))
                    row.check = std::move(check);
        }
    });
    return rows;
}

Html row_html(const FleetCall& call, const Row& row) {
    const FleetRecords& records = *call.fleet->records;
    const FleetDevice& device = records.devices[row.place];
    const FleetNode& node = records.nodes[device.node];
    const Html who =
        element("th", {{"scope", "row"}, {"class", "who"}},
                {link("/devices/" + to_hex(device.id), short_id(device.id)),
                 element("small", {node.name.empty() ? short_address(node.payout) : node.name})});
    if (!row.check)
        return element(
            "tr",
            {who, cell("Verdict", call.closed ? "no verdict" : "no verdict yet"),
             number_cell("Answered", "–"), number_cell("Rate", "–"),
             reason_cell("Why",
                         call.closed ? "–" : "a missed one is judged when its window is closed")});
    const VerdictRecord& v = row.check->verdict;
    const Verdict verdict = row.check->final_verdict();
    const auto taken = static_cast<double>((v.received.value_or(v.start) - v.start).count()) / 1000;
    return element(
        "tr", {who,
               cell("Verdict", element("span", {{"class", std::string{css_class(verdict)}}},
                                       {shape_of(verdict), " ",
                                        link(check_address(device.id, v), words_of(verdict))})),
               number_cell("Answered", v.received ? fmt::format("{:.2f} s", taken) : "–"),
               number_cell("Rate", rate_text(static_cast<double>(v.judgement.rate))),
               reason_cell("Why", row.check->voided ? *row.check->voided : v.judgement.reason)});
}

Html head_row() {
    Html head = column("Device", "First digits of its id; below it the name of its node");
    head += column("Verdict", "Opens the check: every number that was compared");
    head += column_right("Answered", "After the start");
    head += column_right("Rate", "Verified: work of the nonces, by the time since the start");
    head += column("Why", "The numbers compared");
    return head;
}

std::string address(const FleetCall& call, bool only_missed, std::size_t page) {
    std::string out = fmt::format("/checks?slot={}", call.check.slot.value);
    if (only_missed) out += "&only=missed";
    if (page > 1) out += fmt::format("&page={}", page);
    return out;
}

Html paging(const FleetCall& call, bool only_missed, std::size_t page, std::size_t found) {
    const std::size_t pages =
        std::max<std::size_t>(1, (found + rows_of_a_page - 1) / rows_of_a_page);
    Html out = element("span", {fmt::format("{} device{}, page {} of {}", grouped(found),
                                            found == 1 ? "" : "s", page, pages)});
    Html ways;
    if (page > 1)
        ways += element("a", {{"href", address(call, only_missed, page - 1)}, {"rel", "prev"}},
                        {"← Previous"});
    ways += " ";
    if (page < pages)
        ways += element("a", {{"href", address(call, only_missed, page + 1)}, {"rel", "next"}},
                        {"Next →"});
    out += element("span", {ways});
    return element("nav", {{"class", "pages"}, {"aria-label", "Pages of the list"}}, {out});
}

Html summary(const Site& site, const FleetCall& call, std::optional<std::size_t> missed,
             Instant now) {
    const Calendar calendar = site.schedule.calendar();
    const std::int64_t slot = call.check.slot.value;
    const std::size_t expected = call.expected.size();
    Html ways;
    if (slot > calendar.slot_at(site.schedule.genesis().founded).value)
        ways += link(fmt::format("/checks?slot={}", slot - 1), "← Before");
    if (calendar.slot_at(now).value > slot) {
        ways += " ";
        ways += link(fmt::format("/checks?slot={}", slot + 1), "After →");
    }
    return facts(
        {fact("Started", time_html(call.check.start),
              duration_text(now - call.check.start) + " ago"),
         fact("Deadline", time_html(call.check.deadline)),
         fact("Expected", fmt::format("{} device{}", grouped(expected), expected == 1 ? "" : "s")),
         fact("Missed",
              missed        ? Html{grouped(*missed)}
              : call.closed ? Html{"not counted"}
                            : Html{"–"},
              missed        ? Html{link(address(call, true, 1), "only these")}
              : call.closed ? Html{fmt::format("above {} devices", grouped(devices_counted))}
                            : Html{"known when its window is closed"}),
         fact("Window", std::to_string(call.window.value),
              call.closed ? "closed" : "not closed yet"),
         fact("Other checks of all", ways)});
}

std::optional<FleetCheck> check_in(const Site& site, SlotIndex slot, Instant now) {
    const auto plan = site.schedule.plan(site.schedule.calendar().window_of(slot));
    for (const FleetCheck& check : plan->fleet)
        if (check.slot == slot && check.start <= now) return check;
    return std::nullopt;
}

}  // namespace

Page fleet_check_page(const Site& site, const Question& question) {
    const Calendar calendar = site.schedule.calendar();
    const auto slot =
        question.query.number("slot", calendar.slot_at(site.schedule.genesis().founded).value,
                              calendar.slot_at(question.now).value);
    if (!slot) return bad_question(slot.error());
    const auto asked_page = question.query.number("page", 1, 1'000'000);
    if (!asked_page) return bad_question(asked_page.error());
    const std::string only = question.query.text("only");
    if (!only.empty() && only != "missed") return bad_question("only: missed, or nothing");

    const auto check = *slot ? check_in(site, {**slot}, question.now)
                             : last_fleet_check(site.schedule, question.now);
    if (!check)
        return not_found(
            *slot ? "No check of all devices started in this slot: not yet, or because the "
                    "verifier was down when its day began."
                  : "No check of all devices is over yet.");
    const FleetCall call = call_of(site, *check);
    std::optional<std::vector<std::uint32_t>> missed;
    if (call.closed && call.expected.size() <= devices_counted) missed = missed_of(site, call);
    if (!only.empty() && !missed)
        return bad_question(
            "Who missed it is known when its window is closed, and not counted "
            "above " +
            grouped(devices_counted) + " devices.");

    const std::span<const std::uint32_t> listed = only.empty() ? call.expected : *missed;
    const auto page = static_cast<std::size_t>(asked_page->value_or(1));
    const std::size_t first = std::min(listed.size(), (page - 1) * rows_of_a_page);
    const auto part = listed.subspan(first, std::min(rows_of_a_page, listed.size() - first));
    Html rows;
    for (const Row& row : read_rows(site, call, part)) rows += row_html(call, row);
    const std::string kind = noun_of(check->kind);
    Html main = element("h1", {fmt::format("The {} of slot {}", kind, check->slot.value)});
    main += element("p", {{"class", "lead"}},
                    {"Every device of the network was asked at the same moment. Whoever failed it "
                     "alone has a trouble of its own; where many failed together, look at the "
                     "verifier and the way to it first."});
    main += element(
        "section", {{"id", "call"}, {"data-part", ""}},
        {summary(site, call, missed ? std::optional{missed->size()} : std::nullopt, question.now)});
    Html list = part.empty()
                    ? element("p", {{"class", "empty"}},
                              {only.empty() ? "No device was expected here." : "Nobody missed it."})
                    : card_table("Answers", head_row(), rows);
    list += paging(call, !only.empty(), page, listed.size());
    main += section("answers", only.empty() ? "Every device's answer" : "Who missed it", list);
    return {
        .title = kind + " of slot " + std::to_string(check->slot.value), .main = main, .path = "/"};
}

}  // namespace vigil::verifier::web
