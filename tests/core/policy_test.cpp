#include "core/policy/policy.hpp"

#include <gtest/gtest.h>

namespace vigil {
namespace {

PolicyValues defaults() { return to_values(*preset("incentivenet-2024-10")); }

std::string refusal(const PolicyValues& values) {
    const auto policy = policy_from_values(values);
    return policy ? std::string{"accepted"} : policy.error();
}

std::string refusal_with(const std::string& key, PolicyValue value) {
    PolicyValues values = defaults();
    values[key] = std::move(value);
    return refusal(values);
}

TEST(Policy, EveryPresetLoadsAndTheFirstIsTheDefault) {
    ASSERT_EQ(preset_names().size(), 3U);
    EXPECT_EQ(preset_names().front(), "incentivenet-2024-10");
    for (const std::string_view name : preset_names()) {
        const auto policy = preset(name);
        ASSERT_TRUE(policy);
        EXPECT_EQ(policy->name, name);
        const auto loaded = policy_from_values(to_values(*policy));
        ASSERT_TRUE(loaded) << loaded.error();
        EXPECT_EQ(policy_hash(*loaded), policy_hash(*policy));
    }
    EXPECT_FALSE(preset("incentivenet"));
}

TEST(Policy, EveryMissingKeyIsNamed) {
    for (const auto& [key, value] : defaults()) {
        PolicyValues values = defaults();
        values.erase(key);
        EXPECT_EQ(refusal(values), "key \"" + key + "\" is missing");
    }
}

TEST(Policy, EveryWrongTypeIsNamed) {
    for (const auto& [key, value] : defaults()) {
        const bool is_text = std::holds_alternative<std::string>(value);
        const std::string error =
            is_text ? refusal_with(key, std::int64_t{1}) : refusal_with(key, "text");
        EXPECT_TRUE(error.starts_with("key \"" + key + "\" must be a")) << error;
        EXPECT_TRUE(error.ends_with(is_text ? "not a whole number" : "not a text")) << error;
    }
    EXPECT_EQ(refusal_with("slash_tiers", PolicyNumbers{1, 2}),
              "key \"slash_tiers\" must be a list of [first day, share in ppm], not a list of "
              "whole numbers");
}

TEST(Policy, EveryNumberHasBothBounds) {
    constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
    constexpr auto highest = std::numeric_limits<std::int64_t>::max();
    PolicyValues values = defaults();
    values["daily_cap_micro"] = 1;
    for (const auto& [key, value] : values) {
        if (!std::holds_alternative<std::int64_t>(value)) continue;
        for (const std::int64_t number : {lowest, std::int64_t{-1}, highest}) {
            const std::string error = refusal_with(key, number);
            EXPECT_TRUE(error.starts_with("key \"" + key + "\" is " + std::to_string(number) +
                                          "; it must be from "))
                << error;
        }
    }
}

TEST(Policy, RangesEndWhereTheManualSays) {
    const std::pair<const char*, std::int64_t> outside[] = {
        {"roll_call.k", 2},
        {"spot.k", 4'097},
        {"hourly.work_ms", 0},
        {"roll_call.theta_ppm", 0},
        {"hourly.theta_ppm", 1'000'001},
        {"spot.per_window", 256},
        {"decay_ppm", 1'000'001},
        {"decay_days", 0},
        {"grace_every_days", 0},
        {"windows_per_day", 0},
        {"slots_per_window", 61},
        {"day_ms", 999},
        {"max_missed_checks", 1'001},
        {"notice_days", 366},
        {"daily_cap_micro", 1'000'000'000'000'000'001}};
    for (const auto& [key, number] : outside)
        EXPECT_NE(refusal_with(key, number), "accepted") << key;
    const std::pair<const char*, std::int64_t> inside[] = {
        {"roll_call.k", 3},        {"spot.k", 4'096},
        {"hourly.work_ms", 1},     {"roll_call.theta_ppm", 1},
        {"decay_ppm", 1'000'000},  {"decay_ppm", 0},
        {"spot.per_window", 0},    {"spot.per_window", 255},
        {"max_missed_checks", 0},  {"notice_days", 0},
        {"daily_cap_micro", 0},    {"grace_days", 0},
        {"base_micro_per_mhs", 0}, {"base_micro_per_mhs", 1'000'000'000'000'000'000}};
    for (const auto& [key, number] : inside)
        EXPECT_EQ(refusal_with(key, number), "accepted") << key;
}

TEST(Policy, UnknownKeySuggestsTheNearest) {
    EXPECT_EQ(refusal_with("rollcall.k", 1),
              "unknown key \"rollcall.k\"; did you mean \"roll_call.k\"?");
    EXPECT_EQ(refusal_with("multiplier", 1),
              "unknown key \"multiplier\"; did you mean \"multiplier_ppm\"?");
    EXPECT_EQ(refusal_with("slash_tier", 1),
              "unknown key \"slash_tier\"; did you mean \"slash_tiers\"?");
    EXPECT_EQ(refusal_with("xyzzy", 1), "unknown key \"xyzzy\"");
    EXPECT_EQ(refusal_with("programme_start_day", 1).find("unknown key \"programme_start_day\""),
              0U);
    EXPECT_LT(refusal_with(std::string(100'000, 'q'), 1).size(), 200U);
}

TEST(Policy, NameIsPlain) {
    for (const char* name : {"", "two words", "quote\"", "line\n", "ü"})
        EXPECT_TRUE(refusal_with("name", name).starts_with("key \"name\" must be 1 to 64")) << name;
    EXPECT_NE(refusal_with("name", std::string(65, 'a')), "accepted");
    EXPECT_EQ(refusal_with("name", std::string(64, 'a')), "accepted");
}

TEST(Policy, MultiplierTableFitsTheWindows) {
    EXPECT_EQ(refusal_with("multiplier_ppm", PolicyNumbers{0, 1}),
              "key \"multiplier_ppm\" has 2 entries; windows_per_day = 6 needs 7");
    EXPECT_EQ(refusal_with("multiplier_ppm", PolicyNumbers{0, 1, 2, 3, 4, 5, -6}),
              "key \"multiplier_ppm\" entry 6 is -6; it must be from 0 to 1000000000");
    PolicyValues values = defaults();
    values["windows_per_day"] = 1;
    values["multiplier_ppm"] = PolicyNumbers{0, 1'000'000};
    EXPECT_EQ(refusal(values), "accepted");
}

TEST(Policy, SlashTiersAscendFromDayOne) {
    const auto error = [](PolicyPairs tiers) {
        return refusal_with("slash_tiers", std::move(tiers));
    };
    EXPECT_EQ(error({}), "key \"slash_tiers\" is empty; it needs at least [1, share]");
    EXPECT_EQ(error({{2, 1}}), "key \"slash_tiers\" tier 1 must start with day 1");
    EXPECT_EQ(error({{1, 1}, {1, 2}}), "key \"slash_tiers\" tier 2 must start after day 1");
    EXPECT_EQ(error({{1, 1}, {5, 2}, {4, 2}}), "key \"slash_tiers\" tier 3 must start after day 5");
    EXPECT_EQ(error({{1, 1'000'001}}),
              "key \"slash_tiers\" tier 1 share is 1000001; it must be from 0 to 1000000");
    EXPECT_EQ(error({{1}}), "key \"slash_tiers\" tier 1 must be [first day, share in ppm]");
    EXPECT_EQ(error({{1, 1'000'000}}), "accepted");
}

TEST(Policy, DayDividesIntoSlots) {
    EXPECT_EQ(refusal_with("day_ms", 86'400'001),
              "key \"day_ms\" is 86400001; it must be divisible by windows_per_day * "
              "slots_per_window = 24");
}

TEST(Policy, EveryCheckIsShorterThanASlot) {
    // A slot of incentivenet-2024-10 has 3,600,000 ms.
    EXPECT_EQ(refusal_with("roll_call.work_ms", 3'588'000),
              "key \"roll_call.work_ms\" does not fit: roll_call work_ms + spread_ms + slack_ms = "
              "3600000 must be less "
              "than a slot, 3600000 ms");
    EXPECT_EQ(refusal_with("roll_call.work_ms", 3'587'999), "accepted");
    EXPECT_NE(refusal_with("hourly.slack_ms", 3'600'000).find("hourly"), std::string::npos);
    EXPECT_NE(refusal_with("spot.slack_ms", 3'600'000).find("spot"), std::string::npos);
    EXPECT_NE(refusal_with("calibration.slack_ms", 3'600'000).find("calibration"),
              std::string::npos);
}

TEST(Policy, AbsentCapHasNoLineAndZeroIsACap) {
    Policy policy = *preset("demo");
    EXPECT_EQ(canonical_text(policy).find("daily_cap_micro"), std::string::npos);
    policy.daily_cap = Micro{};
    EXPECT_NE(canonical_text(policy).find("\ndaily_cap_micro=0\n"), std::string::npos);
    const auto again = policy_from_canonical(canonical_text(policy));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->daily_cap, Micro{});
}

TEST(Policy, OnlyTheCanonicalFormIsReadBack) {
    const std::string text = canonical_text(*preset("demo"));
    const auto error = [](const std::string& changed) {
        const auto policy = policy_from_canonical(changed);
        return policy ? std::string{"accepted"} : policy.error();
    };
    const auto replaced = [&text](std::string_view from, std::string_view to) {
        std::string out = text;
        return out.replace(out.find(from), from.size(), to);
    };
    EXPECT_EQ(error(text), "accepted");
    EXPECT_NE(error(""), "accepted");
    EXPECT_NE(error(text.substr(0, text.size() - 1)), "accepted");
    EXPECT_NE(error(text + "\n"), "accepted");
    EXPECT_NE(error(text + "windows_per_day=6\n"), "accepted");
    EXPECT_NE(error(replaced("day_ms=120000", "day_ms=0120000")), "accepted");
    EXPECT_NE(error(replaced("day_ms=120000", "day_ms= 120000")), "accepted");
    EXPECT_NE(error(replaced("[0,1000000", "[0, 1000000")), "accepted");
    EXPECT_NE(error(replaced("[[1,25000]", "[[1,25000],[")), "accepted");
    EXPECT_NE(error(replaced("day_ms=120000\ndecay_days=14\n", "decay_days=14\nday_ms=120000\n")),
              "accepted");
    EXPECT_EQ(error(replaced("day_ms=120000", "day_ms=99999999999999999999")),
              "line 6 is not key=value: \"day_ms=99999999999999999999\"");
    EXPECT_NE(error(replaced("decay_days", "decay_day")).find("did you mean \"decay_days\"?"),
              std::string::npos);
}

TEST(PolicyDeathTest, AProbeHasNoRule) {
    const Policy policy = *preset("demo");
    EXPECT_EQ(policy.rule(CheckKind::spot).k, 64U);
    EXPECT_DEATH(policy.rule(CheckKind::probe), "broken invariant");
}

}  // namespace
}  // namespace vigil
