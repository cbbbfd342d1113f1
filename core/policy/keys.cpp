#include "core/policy/keys.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace vigil {
namespace {

constexpr std::int64_t most_ms = 31LL * 86'400'000;
constexpr std::int64_t most_k = 4'096;
constexpr std::int64_t most_amount = 1'000'000'000'000'000'000;

template <auto member>
constexpr NumberKey count_key(std::string_view name, std::int64_t least, std::int64_t most) {
    return {name,
            least,
            most,
            false,
            [](Policy& p, std::int64_t v) { p.*member = static_cast<std::uint32_t>(v); },
            [](const Policy& p) -> std::optional<std::int64_t> { return p.*member; }};
}

template <auto rule, auto member>
constexpr NumberKey rule_ms_key(std::string_view name, std::int64_t least) {
    return {
        name,
        least,
        most_ms,
        false,
        [](Policy& p, std::int64_t v) { (p.*rule).*member = Milliseconds{v}; },
        [](const Policy& p) -> std::optional<std::int64_t> { return ((p.*rule).*member).count(); }};
}

template <auto rule>
constexpr NumberKey rule_k_key(std::string_view name) {
    return {name,
            3,
            most_k,
            false,
            [](Policy& p, std::int64_t v) { (p.*rule).k = static_cast<std::uint32_t>(v); },
            [](const Policy& p) -> std::optional<std::int64_t> { return (p.*rule).k; }};
}

template <auto rule>
constexpr NumberKey rule_theta_key(std::string_view name) {
    return {name,
            1,
            Ppm::one,
            false,
            [](Policy& p, std::int64_t v) { (p.*rule).theta = Ppm{static_cast<std::uint32_t>(v)}; },
            [](const Policy& p) -> std::optional<std::int64_t> { return (p.*rule).theta.value; }};
}

Micro amount(std::int64_t v) { return Micro{static_cast<Micro::Count>(v)}; }

constexpr auto all_keys = std::to_array<NumberKey>({
    {"base_micro_per_mhs", 0, most_amount, false,
     [](Policy& p, std::int64_t v) { p.base_per_mhs = amount(v); },
     [](const Policy& p) -> std::optional<std::int64_t> {
         return static_cast<std::int64_t>(p.base_per_mhs.count());
     }},
    rule_k_key<&Policy::calibration>("calibration.k"),
    rule_ms_key<&Policy::calibration, &CheckRule::slack>("calibration.slack_ms", 0),
    rule_ms_key<&Policy::calibration, &CheckRule::spread>("calibration.spread_ms", 0),
    rule_ms_key<&Policy::calibration, &CheckRule::work>("calibration.work_ms", 1),
    {"daily_cap_micro", 0, most_amount, true,
     [](Policy& p, std::int64_t v) { p.daily_cap = amount(v); },
     [](const Policy& p) -> std::optional<std::int64_t> {
         if (!p.daily_cap) return std::nullopt;
         return static_cast<std::int64_t>(p.daily_cap->count());
     }},
    {"day_ms", 1'000, most_ms, false, [](Policy& p, std::int64_t v) { p.day = Milliseconds{v}; },
     [](const Policy& p) -> std::optional<std::int64_t> { return p.day.count(); }},
    count_key<&Policy::decay_days>("decay_days", 1, 36'500),
    {"decay_ppm", 0, Ppm::one, false,
     [](Policy& p, std::int64_t v) { p.decay = Ppm{static_cast<std::uint32_t>(v)}; },
     [](const Policy& p) -> std::optional<std::int64_t> { return p.decay.value; }},
    count_key<&Policy::grace_days>("grace_days", 0, 3'650),
    count_key<&Policy::grace_every_days>("grace_every_days", 1, 3'650),
    rule_k_key<&Policy::hourly>("hourly.k"),
    rule_ms_key<&Policy::hourly, &CheckRule::slack>("hourly.slack_ms", 0),
    rule_ms_key<&Policy::hourly, &CheckRule::spread>("hourly.spread_ms", 0),
    rule_theta_key<&Policy::hourly>("hourly.theta_ppm"),
    rule_ms_key<&Policy::hourly, &CheckRule::work>("hourly.work_ms", 1),
    count_key<&Policy::max_missed_checks>("max_missed_checks", 0, 1'000),
    count_key<&Policy::notice_days>("notice_days", 0, 365),
    rule_k_key<&Policy::roll_call>("roll_call.k"),
    rule_ms_key<&Policy::roll_call, &CheckRule::slack>("roll_call.slack_ms", 0),
    rule_ms_key<&Policy::roll_call, &CheckRule::spread>("roll_call.spread_ms", 0),
    rule_theta_key<&Policy::roll_call>("roll_call.theta_ppm"),
    rule_ms_key<&Policy::roll_call, &CheckRule::work>("roll_call.work_ms", 1),
    count_key<&Policy::slots_per_window>("slots_per_window", 1, 60),
    rule_k_key<&Policy::spot>("spot.k"),
    count_key<&Policy::spots_per_window>("spot.per_window", 0, 255),
    rule_ms_key<&Policy::spot, &CheckRule::slack>("spot.slack_ms", 0),
    rule_ms_key<&Policy::spot, &CheckRule::spread>("spot.spread_ms", 0),
    rule_theta_key<&Policy::spot>("spot.theta_ppm"),
    rule_ms_key<&Policy::spot, &CheckRule::work>("spot.work_ms", 1),
    count_key<&Policy::windows_per_day>("windows_per_day", 1, 1'440),
});

/// Levenshtein's, one row at a time. `b` is one of ours, so short; `a` is cut by the caller.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::span<const NumberKey> number_keys() { return all_keys; }

std::string_view nearest_key(std::string_view unknown) {
    constexpr std::size_t longest_looked_at = 64;
    const std::string_view text = unknown.substr(0, longest_looked_at);
    std::string_view nearest;
    std::size_t least = std::max<std::size_t>(2, text.size() / 2) + 1;  // farther is no suggestion
    const auto consider = [&](std::string_view known) {
        const std::size_t distance = edit_distance(text, known);
        if (distance >= least) return;
        least = distance;
        nearest = known;
    };
    for (const NumberKey& key : all_keys) consider(key.name);
    for (const std::string_view known : {"multiplier_ppm", "name", "slash_tiers"}) consider(known);
    return nearest;
}

}  // namespace vigil
