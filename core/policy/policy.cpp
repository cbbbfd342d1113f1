#include "core/policy/policy.hpp"

#include <algorithm>
#include <array>

#include "core/base/require.hpp"
#include "core/policy/keys.hpp"

namespace vigil {
namespace {

constexpr std::size_t longest_name = 64;
constexpr std::size_t most_tiers = 100;
constexpr std::int64_t most_multiplier = 1'000'000'000;  // a thousandfold
constexpr std::int64_t last_first_day = 36'500;

using Problem = std::optional<std::string>;

std::string quoted(std::string_view key) {
    return "key \"" + std::string{key.substr(0, 80)} + "\"";
}

std::string type_name(const PolicyValue& value) {
    struct Name {
        std::string operator()(std::int64_t) const { return "a whole number"; }
        std::string operator()(const std::string&) const { return "a text"; }
        std::string operator()(const PolicyNumbers&) const { return "a list of whole numbers"; }
        std::string operator()(const PolicyPairs&) const { return "a list of lists"; }
    };
    return std::visit(Name{}, value);
}

std::string wrong_type(std::string_view key, std::string_view expected, const PolicyValue& value) {
    return quoted(key) + " must be " + std::string{expected} + ", not " + type_name(value);
}

std::string out_of_range(const std::string& subject, std::int64_t value, std::int64_t least,
                         std::int64_t most) {
    return subject + " is " + std::to_string(value) + "; it must be from " + std::to_string(least) +
           " to " + std::to_string(most);
}

bool in_range(std::int64_t value, std::int64_t least, std::int64_t most) {
    return least <= value && value <= most;
}

Problem unknown_key(const PolicyValues& values) {
    const auto keys = number_keys();
    for (const auto& [name, value] : values) {
        const std::string_view its_name = name;
        const bool known =
            its_name == "name" || its_name == "multiplier_ppm" || its_name == "slash_tiers" ||
            std::any_of(keys.begin(), keys.end(),
                        [its_name](const NumberKey& key) { return key.name == its_name; });
        if (known) continue;
        const std::string_view nearest = nearest_key(name);
        std::string sentence = "unknown " + quoted(name);
        if (!nearest.empty()) sentence += "; did you mean \"" + std::string{nearest} + "\"?";
        return sentence;
    }
    return std::nullopt;
}

Problem read_number(const PolicyValues& values, const NumberKey& key, Policy& policy) {
    const auto found = values.find(key.name);
    if (found == values.end()) {
        if (key.optional) return std::nullopt;
        return quoted(key.name) + " is missing";
    }
    const auto* number = std::get_if<std::int64_t>(&found->second);
    if (number == nullptr) return wrong_type(key.name, "a whole number", found->second);
    if (!in_range(*number, key.least, key.most))
        return out_of_range(quoted(key.name), *number, key.least, key.most);
    key.write(policy, *number);
    return std::nullopt;
}

Problem read_name(const PolicyValues& values, Policy& policy) {
    const auto found = values.find("name");
    if (found == values.end()) return quoted("name") + " is missing";
    const auto* text = std::get_if<std::string>(&found->second);
    if (text == nullptr) return wrong_type("name", "a text", found->second);
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (text->empty() || text->size() > longest_name ||
        text->find_first_not_of(allowed) != std::string::npos)
        return quoted("name") + " must be 1 to 64 letters, digits, dots, dashes or underscores";
    policy.name = *text;
    return std::nullopt;
}

Problem read_multiplier(const PolicyValues& values, Policy& policy) {
    constexpr std::string_view key = "multiplier_ppm";
    const auto found = values.find(key);
    if (found == values.end()) return quoted(key) + " is missing";
    const auto* table = std::get_if<PolicyNumbers>(&found->second);
    if (table == nullptr) return wrong_type(key, "a list of whole numbers", found->second);
    const std::size_t expected = std::size_t{policy.windows_per_day} + 1;
    if (table->size() != expected)
        return quoted(key) + " has " + std::to_string(table->size()) +
               " entries; windows_per_day = " + std::to_string(policy.windows_per_day) + " needs " +
               std::to_string(expected);
    for (std::size_t i = 0; i < table->size(); ++i) {
        if (!in_range((*table)[i], 0, most_multiplier))
            return out_of_range(quoted(key) + " entry " + std::to_string(i), (*table)[i], 0,
                                most_multiplier);
        policy.multiplier.push_back(Ppm{static_cast<std::uint32_t>((*table)[i])});
    }
    return std::nullopt;
}

Problem read_tiers(const PolicyValues& values, Policy& policy) {
    constexpr std::string_view key = "slash_tiers";
    const auto found = values.find(key);
    if (found == values.end()) return quoted(key) + " is missing";
    const auto* tiers = std::get_if<PolicyPairs>(&found->second);
    const auto* numbers = std::get_if<PolicyNumbers>(&found->second);
    const bool empty =
        (tiers != nullptr && tiers->empty()) || (numbers != nullptr && numbers->empty());
    if (empty) return quoted(key) + " is empty; it needs at least [1, share]";
    if (tiers == nullptr)
        return wrong_type(key, "a list of [first day, share in ppm]", found->second);
    if (tiers->size() > most_tiers)
        return quoted(key) + " has " + std::to_string(tiers->size()) +
               " tiers; at most 100 are allowed";
    std::int64_t before = 0;
    for (std::size_t i = 0; i < tiers->size(); ++i) {
        const PolicyNumbers& tier = (*tiers)[i];
        const std::string subject = quoted(key) + " tier " + std::to_string(i + 1);
        if (tier.size() != 2) return subject + " must be [first day, share in ppm]";
        if (i == 0 && tier[0] != 1) return subject + " must start with day 1";
        if (tier[0] <= before) return subject + " must start after day " + std::to_string(before);
        if (tier[0] > last_first_day)
            return out_of_range(subject + " day", tier[0], 1, last_first_day);
        if (!in_range(tier[1], 0, Ppm::one))
            return out_of_range(subject + " share", tier[1], 0, Ppm::one);
        before = tier[0];
        policy.slash_tiers.push_back(
            {static_cast<std::uint32_t>(tier[0]), Ppm{static_cast<std::uint32_t>(tier[1])}});
    }
    return std::nullopt;
}

Problem check_calendar(const Policy& policy) {
    const std::int64_t slots = std::int64_t{policy.windows_per_day} * policy.slots_per_window;
    if (policy.day.count() % slots != 0)
        return quoted("day_ms") + " is " + std::to_string(policy.day.count()) +
               "; it must be divisible by windows_per_day * slots_per_window = " +
               std::to_string(slots);
    const std::int64_t slot_ms = policy.day.count() / slots;
    for (const CheckKind kind :
         {CheckKind::roll_call, CheckKind::hourly, CheckKind::spot, CheckKind::calibration}) {
        const std::int64_t length = policy.rule(kind).length().count();
        const std::string name{to_string(kind)};
        if (length >= slot_ms)
            return quoted(name + ".work_ms") + " does not fit: " + name +
                   " work_ms + spread_ms + slack_ms = " + std::to_string(length) +
                   " must be less than a slot, " + std::to_string(slot_ms) + " ms";
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(CheckKind kind) {
    switch (kind) {
        case CheckKind::roll_call:
            return "roll_call";
        case CheckKind::hourly:
            return "hourly";
        case CheckKind::spot:
            return "spot";
        case CheckKind::calibration:
            return "calibration";
        case CheckKind::probe:
            return "probe";
    }
    require(false, "a check kind out of its enumeration");
    return {};
}

const CheckRule& Policy::rule(CheckKind kind) const {
    require(kind == CheckKind::roll_call || kind == CheckKind::hourly || kind == CheckKind::spot ||
                kind == CheckKind::calibration,
            "a kind of check that a policy has rules for");
    if (kind == CheckKind::roll_call) return roll_call;
    if (kind == CheckKind::hourly) return hourly;
    if (kind == CheckKind::spot) return spot;
    return calibration;
}

Expected<Policy, std::string> policy_from_values(const PolicyValues& values) {
    Policy policy;
    if (auto problem = unknown_key(values)) return tl::unexpected{std::move(*problem)};
    if (auto problem = read_name(values, policy)) return tl::unexpected{std::move(*problem)};
    for (const NumberKey& key : number_keys())
        if (auto problem = read_number(values, key, policy))
            return tl::unexpected{std::move(*problem)};
    if (auto problem = read_multiplier(values, policy)) return tl::unexpected{std::move(*problem)};
    if (auto problem = read_tiers(values, policy)) return tl::unexpected{std::move(*problem)};
    if (auto problem = check_calendar(policy)) return tl::unexpected{std::move(*problem)};
    return policy;
}

PolicyValues to_values(const Policy& policy) {
    PolicyValues values;
    values["name"] = policy.name;
    for (const NumberKey& key : number_keys())
        if (const auto number = key.read(policy)) values[std::string{key.name}] = *number;
    PolicyNumbers multiplier;
    for (const Ppm ratio : policy.multiplier) multiplier.push_back(ratio.value);
    values["multiplier_ppm"] = std::move(multiplier);
    PolicyPairs tiers;
    for (const SlashTier& tier : policy.slash_tiers)
        tiers.push_back({tier.first_day, tier.share.value});
    values["slash_tiers"] = std::move(tiers);
    return values;
}

}  // namespace vigil
