#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/work/estimate.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::int64_t checks_looked_through = 1'000;

/// In its window when that is named; else among the device's latest.
std::optional<CheckRow> find_check(Reader& reader, DeviceRef device, const Challenge& challenge,
                                   std::optional<std::int64_t> window) {
    auto rows = window ? reader.checks_in(device, WindowIndex{*window})
                       : reader.checks(device, {.before = {}, .limit = checks_looked_through});
    for (CheckRow& row : rows)
        if (row.verdict.challenge == challenge) return std::move(row);
    return std::nullopt;
}

Html seconds_after(Instant start, Instant then) {
    return fmt::format("{:.3f} s after the start",
                       static_cast<double>((then - start).count()) / 1000);
}

Html times(const CheckRow& row, const std::optional<WindowRecord>& window) {
    const VerdictRecord& v = row.verdict;
    return facts(
        {fact("Issued and sent", time_html(v.start),
              v.claim.kind == CheckKind::calibration ? "to this device alone"
              : v.claim.kind == CheckKind::spot      ? "to this device alone, at a secret moment"
                                                : "to every device at once, at a secret moment"),
         fact("Received", v.received ? time_html(*v.received) : Html{"never"},
              v.received ? seconds_after(v.start, *v.received) : Html{"no answer came"}),
         fact("Deadline", time_html(v.deadline), seconds_after(v.start, v.deadline)),
         fact("Counted in", fmt::format("window {}", v.claim.window.value),
              v.claim.kind == CheckKind::calibration ? Html{"a calibration counts in none"}
              : window ? Html{fmt::format("{}: {}", to_string(window->outcome), window->reason)}
                       : Html{"not closed yet"})});
}

Html number(std::string_view name, const std::string& value, const std::string& meaning) {
    return element("tr", {element("th", {{"scope", "row"}, {"class", "who"}}, {name}),
                          number_cell("Number", value), reason_cell("Meaning", meaning)});
}

Html raw_values(const CheckRow& row) {
    const VerdictRecord& v = row.verdict;
    const Judgement& j = v.judgement;
    Html rows;
    rows += number("k", std::to_string(v.k),
                   "how many nonces, those with the smallest hashes, had to be sent");
    if (j.work > 0) {
        const Interval interval = work_interval(v.k, j.work);
        rows += number(
            "W", grouped(j.work),
            fmt::format("hashes tried, estimated from the largest of the {} hashes (protocol 5.4); "
                        "95 %: {} to {}",
                        v.k,
                        rate_text(interval.lower).substr(0, rate_text(interval.lower).find('/')),
                        rate_text(interval.upper).substr(0, rate_text(interval.upper).find('/'))));
        rows += number("R", grouped(j.rate) + " H/s",
                       "W by the time from the start to the arrival (5.5)");
    }
    rows += number("baseline", grouped(j.baseline) + " H/s", "the device's own earlier rate (5.6)");
    if (v.claim.kind != CheckKind::calibration) {
        rows += number("theta", percent(v.theta), "share of the baseline that passes (5.7)");
        rows +=
            number("passes from",
                   grouped((u128{j.baseline} * v.theta.value + Ppm::one - 1) / Ppm::one) + " H/s",
                   "the least rate that is theta of the baseline");
    }
    Html head = element("th", {{"scope", "col"}}, {"Value"});
    head += element("th", {{"scope", "col"}, {"class", "n"}}, {"Number"});
    head += element("th", {{"scope", "col"}}, {"Meaning"});
    return card_table("Raw values", head, rows);
}

Html derivation(const Site& site, const CheckRow& row, const DeviceId& device) {
    const VerdictRecord& v = row.verdict;
    const Calendar calendar = site.schedule.calendar();
    const DayIndex day = calendar.day_of(v.claim.window);
    std::string text = fmt::format(
        "challenge = keccak256(tag(\"vigil/challenge/v1\") ‖ network_id ‖ policy_hash ‖ u64(kind) "
        "‖ u64(ref) ‖ beacon ‖ device_id)\n"
        "network_id  {}\npolicy_hash {}\nkind        {} ({})\nref         {}\n",
        to_hex(site.schedule.network()), to_hex(site.schedule.policy_hash_on(day)),
        static_cast<int>(v.claim.kind), to_string(v.claim.kind), v.claim.ref);
    const auto plan = site.schedule.plan(v.claim.window);
    for (const FleetCheck& check : plan->fleet)
        if (check.kind == v.claim.kind &&
            static_cast<std::uint64_t>(check.slot.value) == v.claim.ref)
            text += fmt::format("beacon      {}\n", to_hex(check.beacon));
    if (v.claim.kind == CheckKind::spot)
        text += "beacon      from the day's key, which is published after the day (3.4)\n";
    if (v.claim.kind == CheckKind::calibration) text += "beacon      random, in the record (3.5)\n";
    text += fmt::format("device_id   {}\nchallenge   {}\n", to_hex(device), to_hex(v.challenge));
    return element("pre", {{"tabindex", "0"}}, {text});
}

Html commands(const DeviceId& device, DayIndex day) {
    Html out = element("p", {"On a copy of the store, with the program of this site; the first "
                             "prints this check with its numbers, the second computes everything "
                             "again from the answers and compares it bit for bit:"});
    out += element("pre", {{"tabindex", "0"}},
                   {fmt::format("vigil-verifier explain --store vigil.db --device {} --day "
                                "{}\nvigil-verifier audit --store vigil.db\n",
                                to_hex(device), day.value)});
    return out;
}

}  // namespace

Page check_page(const Site& site, const Question& question) {
    const auto challenge = from_hex<Challenge>(question.rest);
    if (!challenge) return not_found("This is no challenge: " + challenge.error());
    const auto id = from_hex<DeviceId>(question.query.text("device"));
    if (!id)
        return bad_question(
            "A check is looked up by its device: the address ends with ?device= and the device's "
            "id. The links of a device's page have it.");
    const auto window = question.query.number("window", 0, INT64_MAX / 1'000'000);
    if (!window) return bad_question(window.error());
    const auto device = site.roster.device(*id);
    if (!device) return not_found("No device of this network has the id " + to_hex(*id) + ".");

    std::optional<CheckRow> row;
    std::optional<WindowRecord> record;
    site.store.read([&](Reader& reader) {
        row = find_check(reader, device->ref, *challenge, *window);
        record.reset();
        if (!row) return;
        const WindowIndex in = row->verdict.claim.window;
        for (WindowRecord& one : reader.windows(device->ref, {.before = in.value + 1, .limit = 1}))
            if (one.window == in) record = std::move(one);
    });
    if (!row)
        return not_found(
            fmt::format("The device has no verdict for this challenge{}. A check that nobody "
                        "answered has its verdict when its window closes.",
                        *window ? " in this window" : " among its last 1,000"));

    const VerdictRecord& v = row->verdict;
    const Verdict verdict = row->final_verdict();
    const std::string kind = words_of(v.claim.kind);
    Html main = element(
        "nav", {{"class", "crumbs"}, {"aria-label", "Where this is"}},
        {element("ol", {element("li", {link("/providers", "Providers")}),
                        element("li", {link("/devices/" + to_hex(*id), "device " + short_id(*id))}),
                        element("li", {kind})})});
    main += element("h1", {element("span", {{"class", std::string{css_class(verdict)}}},
                                   {shape_of(verdict), " ", words_of(verdict)}),
                           ": ", kind});
    main += element("section", {{"id", "why"}},
                    {element("p", {{"class", "verdict-reason"}},
                             {row->voided ? *row->voided : v.judgement.reason}),
                     row->voided ? element("p", {{"class", "note"}},
                                           {"Judged as ", words_of(v.judgement.verdict), ": ",
                                            v.judgement.reason})
                                 : Html{},
                     times(*row, record)});
    main += section("values", "Raw values", raw_values(*row));
    main += section("challenge", "The challenge", derivation(site, *row, *id));
    main += section("verify", "Verify it yourself",
                    commands(*id, site.schedule.calendar().day_of(v.claim.window)));
    return {.title = "Check " + short_id(*challenge), .main = main, .path = "/providers"};
}

}  // namespace vigil::verifier::web
