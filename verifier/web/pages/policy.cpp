#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

std::string seconds(Milliseconds time) {
    return fmt::format("{:g} s", static_cast<double>(time.count()) / 1000);
}

Html n(const Html& text) { return element("td", {{"class", "n"}}, {text}); }

Html checks_table(const Policy& policy) {
    Html head = column("Check", "Kinds of checks, protocol 3.7");
    head += column_right("Nonces", "How many of the smallest hashes are sent (k)");
    head += column_right("Work", "Time to hash");
    head += column_right("Spread", "Answers are spread over this time");
    head += column_right("Slack", "Time for the way to the verifier");
    head += column_right("Passes from", "Share of the device's own earlier rate (theta)");
    Html rows;
    for (const CheckKind kind :
         {CheckKind::roll_call, CheckKind::hourly, CheckKind::spot, CheckKind::calibration}) {
        const CheckRule& rule = policy.rule(kind);
        rows += element(
            "tr", {element("th", {{"scope", "row"}}, {words_of(kind)}), n(std::to_string(rule.k)),
                   n(seconds(rule.work)), n(seconds(rule.spread)), n(seconds(rule.slack)),
                   n(kind == CheckKind::calibration ? std::string{"–"} : percent(rule.theta))});
    }
    return table("The checks", head, rows);
}

Html multiplier_table(const Policy& policy) {
    Html head = column("Windows", "Complete or void windows of a day");
    head += column_right("Factor", "What the day's credit is multiplied with");
    Html rows;
    for (std::size_t i = 0; i < policy.multiplier.size(); ++i)
        rows += element("tr", {element("th", {{"scope", "row"}}, {std::to_string(i)}),
                               n("× " + factor(policy.multiplier[i]))});
    return table("Windows and what they earn", head, rows);
}

Html slash_table(const Policy& policy) {
    Html head = column("Down days in a row", "Without grace");
    head += column_right("Share of the balance", "Taken on each of these days");
    Html rows;
    for (std::size_t i = 0; i < policy.slash_tiers.size(); ++i) {
        const SlashTier& tier = policy.slash_tiers[i];
        const bool last = i + 1 == policy.slash_tiers.size();
        const std::string days = last ? fmt::format("from day {}", tier.first_day)
                                      : fmt::format("day {} to {}", tier.first_day,
                                                    policy.slash_tiers[i + 1].first_day - 1);
        rows += element("tr", {element("th", {{"scope", "row"}}, {days}), n(percent(tier.share))});
    }
    return table("Down days and what they cost", head, rows);
}

Html rules(const Policy& policy, const Site& site, DayIndex day) {
    const DayIndex start = site.schedule.genesis().programme_start_day;
    return facts(
        {fact("Day", duration_text(policy.day),
              fmt::format("{} windows of {}", policy.windows_per_day,
                          duration_text(policy.day / policy.windows_per_day))),
         fact("Fleet checks", fmt::format("{} in a window", policy.slots_per_window),
              "one of them the roll call"),
         fact("Spot checks", fmt::format("up to {} in a window", policy.spots_per_window)),
         fact("Missed checks allowed", fmt::format("{} in a window", policy.max_missed_checks),
              "besides a passed roll call"),
         fact("Base today", credits_html(base_on(policy, day, start)),
              "credits for each MH/s and day"),
         fact("Base falls to", percent(policy.decay),
              fmt::format("every {} days", policy.decay_days)),
         fact("Most a day pays",
              policy.daily_cap ? credits_html(*policy.daily_cap) : Html{"no cap"}),
         fact("Grace", fmt::format("{} days", policy.grace_days),
              fmt::format("after every {} days of service", policy.grace_every_days)),
         fact("Notice of a change", fmt::format("{} days", policy.notice_days))});
}

Html announced(const Site& site, DayIndex today) {
    std::vector<PolicyRecord> policies;
    site.store.read([&](Reader& reader) { policies = reader.policies(); });
    const PolicyHash in_force = site.schedule.policy_hash_on(today);
    Html head = column_right("From day", "The first day it decides");
    head += column("Announced", "When the change was written down");
    head += column("Hash", "keccak-256 of the canonical text");
    head += column("State", "In force today, past, or to come");
    Html rows;
    for (auto policy = policies.rbegin(); policy != policies.rend(); ++policy) {
        const bool now = policy->hash == in_force;
        rows += element(
            "tr", {n(std::to_string(policy->effective_day.value)),
                   element("td", {time_html(policy->announced)}),
                   element("td", {element("code", {{"class", "hash"}}, {to_hex(policy->hash)})}),
                   element("td", {now                             ? "● in force"
                                  : policy->effective_day > today ? "◌ to come"
                                                                  : "○ past"})});
    }
    return table("Policies of this network", head, rows);
}

}  // namespace

Page policy_page(const Site& site, const Question& question) {
    const DayIndex today = site.schedule.calendar().day_at(question.now);
    const auto policy = site.schedule.policy_on(today);
    Html main = element("h1", {"Policy ", policy->name});
    main += element(
        "p", {{"class", "lead"}},
        {"Every number that decides money. Its hash is ",
         element("code", {{"class", "hash"}}, {to_hex(site.schedule.policy_hash_on(today))}), "."});
    main += section("rules", "In words", rules(*policy, site, today));
    main += element("div", {{"class", "columns"}},
                    {section("multiplier", "Windows pay", multiplier_table(*policy)),
                     section("slash", "Down days cost", slash_table(*policy))});
    main += section("checks", "Checks", checks_table(*policy));
    main += section("all", "All policies", announced(site, today));
    main += section("text", "Canonical text", [&] {
        Html out =
            element("p", {"keccak-256 of exactly these bytes is the hash above; ",
                          element("code", {"vigil-verifier policy lint FILE"}), " computes it."});
        out += element("pre", {{"tabindex", "0"}}, {canonical_text(*policy)});
        return out;
    }());
    return {.title = "Policy", .main = main, .path = "/policy"};
}

}  // namespace vigil::verifier::web
