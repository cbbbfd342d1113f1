#include <fmt/format.h>

#include "verifier/web/pages/check_parts.hpp"
#include "verifier/web/parts.hpp"

namespace vigil::verifier::web {
namespace {

Html seconds_after(Instant start, Instant then) {
    return fmt::format("{:.3f} s after the start",
                       static_cast<double>((then - start).count()) / 1000);
}

Html sent_to(CheckKind kind) {
    switch (kind) {
        case CheckKind::roll_call:
        case CheckKind::hourly:
            return "to every device at once, at a secret moment";
        case CheckKind::spot:
            return "to this device alone, at a secret moment";
        case CheckKind::calibration:
        case CheckKind::probe:
            return "to this device alone";
    }
    return {};
}

Html judged(const CheckFile& file) {
    if (file.row.verdict.received)
        return fact("Judged", "on arrival",
                    "or, if the window before was not closed by then, once it was");
    return fact("Judged", file.window ? time_html(file.window->closed) : Html{"–"},
                "an answer that did not come is known when its window is closed");
}

Html times(const CheckFile& file) {
    const VerdictRecord& v = file.row.verdict;
    const auto& window = file.window;
    return facts(
        {fact("Issued and sent", time_html(v.start), sent_to(v.claim.kind)),
         fact("Received", v.received ? time_html(*v.received) : Html{"never"},
              v.received ? seconds_after(v.start, *v.received) : Html{"no answer came"}),
         fact("Deadline", time_html(v.deadline), seconds_after(v.start, v.deadline)), judged(file),
         fact("Counted in", fmt::format("window {}", v.claim.window.value),
              v.claim.kind == CheckKind::calibration ? Html{"a calibration counts in none"}
              : window ? Html{fmt::format("{}: {}", to_string(window->outcome), window->reason)}
                       : Html{"not closed yet"})});
}

Html others(const VerdictRecord& v) {
    if (v.claim.kind != CheckKind::roll_call && v.claim.kind != CheckKind::hourly) return {};
    return element(
        "p",
        {"Was it this device alone? ",
         link(fmt::format("/checks?slot={}", v.claim.ref), "How every device answered it"), "."});
}

Html input(Literal name, std::string_view label, std::string_view hint) {
    return element("label", {label, leaf("input", {{"name", name.text},
                                                   {"maxlength", "64"},
                                                   {"placeholder", std::string{hint}}})});
}

Page not_here(const Challenge& challenge, const std::string& why) {
    Page page = not_found(why);
    page.main += element(
        "section",
        {element("h2", {"Look further"}),
         element("p",
                 {"A challenge commits to one device and counts in one window. With the device "
                  "its checks are looked through, with the window any time is:"}),
         element("form", {{"action", "/checks/" + to_hex(challenge)}, {"class", "filters"}},
                 {input("device", "Device id", "64 hexadecimal digits"),
                  input("window", "Window, if known", "a number"),
                  element("button", {{"type", "submit"}}, {"Show"})})});
    return page;
}

std::string searched_words(const ChallengeSearch& search) {
    if (search.devices == 0) return "This network has no devices yet, so nobody was asked.";
    if (search.windows == 0)
        return fmt::format(
            "This network has {} devices, too many to look through for the one that "
            "a challenge was meant for.",
            search.devices);
    return fmt::format("No device was asked this challenge in the {} looked through.",
                       search.windows == 1 ? std::string{"window"}
                                           : fmt::format("{} latest windows", search.windows));
}

Page shown(const Site& site, const DeviceId& id, const CheckFile& file) {
    const VerdictRecord& v = file.row.verdict;
    const Verdict verdict = file.row.final_verdict();
    const std::string kind = noun_of(v.claim.kind);
    Html main = element(
        "nav", {{"class", "crumbs"}, {"aria-label", "Where this is"}},
        {element("ol", {element("li", {link("/providers", "Providers")}),
                        element("li", {link("/devices/" + to_hex(id), "device " + short_id(id))}),
                        element("li", {kind})})});
    main += element("h1", {element("span", {{"class", std::string{css_class(verdict)}}},
                                   {shape_of(verdict), " ", words_of(verdict)}),
                           ": ", kind});
    main += element("section", {{"id", "why"}},
                    {element("p", {{"class", "verdict-reason"}},
                             {file.row.voided ? *file.row.voided : v.judgement.reason}),
                     file.row.voided ? element("p", {{"class", "note"}},
                                               {"Judged as ", words_of(v.judgement.verdict), ": ",
                                                v.judgement.reason})
                                     : Html{},
                     times(file), others(v)});
    main += section("values", "Raw values", raw_values(file.row));
    main += section("sent", "What the device sent", sent_nonces(site, file));
    main += section("receipt", "Receipt", receipt(site, file));
    main += section("challenge", "The challenge", derivation(site, file.row, id));
    main += section("verify", "Verify it yourself",
                    audit_commands(id, site.schedule.calendar().day_of(v.claim.window)));
    return {.title = "Check " + short_id(v.challenge), .main = main, .path = "/providers"};
}

}  // namespace

Page check_page(const Site& site, const Question& question) {
    const auto challenge = from_hex<Challenge>(question.rest);
    if (!challenge) return not_found("This is no challenge: " + challenge.error());
    const Calendar calendar = site.schedule.calendar();
    auto window =
        question.query.number("window", calendar.window_at(site.schedule.genesis().founded).value,
                              calendar.window_at(question.now).value);
    if (!window) return bad_question(window.error());
    const std::string named = question.query.text("device");
    auto id = from_hex<DeviceId>(named);
    if (!named.empty() && !id) return bad_question("device: " + id.error());
    if (named.empty()) {
        const auto turn = search_turn();
        if (!turn)
            return try_later(
                "Another challenge is being looked for among all devices, and one search runs at a "
                "time. Ask again in some seconds, or name the device: its own checks are looked "
                "through at once.");
        const ChallengeSearch search = find_challenge(site, *challenge, question.now, *window);
        if (!search.found) return not_here(*challenge, searched_words(search));
        id = search.found->device;
        if (search.found->window) *window = search.found->window->value;
    }
    const auto device = site.roster.device(*id);
    if (!device) return not_found("No device of this network has the id " + to_hex(*id) + ".");
    const auto file = read_check_file(site, *device, *challenge, *window);
    if (!file)
        return not_here(
            *challenge,
            fmt::format("The device {} has no verdict for this challenge{}. A check that nobody "
                        "answered has its verdict when its window closes.",
                        short_id(*id), *window ? " in this window" : " among its last 1,000"));
    return shown(site, *id, *file);
}

}  // namespace vigil::verifier::web
