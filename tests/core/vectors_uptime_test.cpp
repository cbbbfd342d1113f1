#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <stdexcept>

#include "core/rewards/settlement.hpp"
#include "core/uptime/window.hpp"
#include "tests/core/vectors.hpp"

namespace vigil::test {
namespace {

/// The enumerator whose text this is, of those numbered 1 to `last`.
template <class Enum>
Enum named(const std::string& text, int last) {
    for (int i = 1; i <= last; ++i)
        if (to_string(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
    throw std::runtime_error{"no enumerator is called " + text};
}
Verdict verdict_named(const std::string& text) { return named<Verdict>(text, 8); }
WindowOutcome window_named(const std::string& text) { return named<WindowOutcome>(text, 6); }
DayOutcome day_named(const std::string& text) { return named<DayOutcome>(text, 3); }

TEST(Vectors, Window) {
    const Json vectors = load_vectors("window.json");
    const Policy policy = policy_named("incentivenet-2024-10");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        only_fields(one, {"roll_call", "others", "outcome"});
        std::optional<Verdict> roll_call;
        if (one["roll_call"] != "unenrolled") roll_call = verdict_named(one["roll_call"]);
        std::vector<Verdict> others;
        for (const Json& other : one["others"]) others.push_back(verdict_named(other));
        const WindowResult result = window_result(roll_call, others, policy);
        EXPECT_EQ(to_string(result.outcome), one["outcome"]) << result.reason;
        EXPECT_FALSE(result.reason.empty());
    }
}

TEST(Vectors, Day) {
    const Json vectors = load_vectors("day.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        only_fields(one, {"policy", "day", "programme_start_day", "enrolment_day", "windows",
                          "outcome", "n", "multiplier_ppm", "day_rate_hs", "credit_micro"});
        std::vector<DayWindow> windows;
        for (const Json& window : one["windows"]) {
            ASSERT_EQ(window.size(), 2U);
            windows.push_back({window_named(window[0]), u64_of(window[1])});
        }
        const DayFacts facts{{one["day"].get<std::int64_t>()},
                             {one["programme_start_day"].get<std::int64_t>()},
                             one["enrolment_day"].get<bool>()};
        const DayResult result = day_result(policy_named(one["policy"]), facts, windows);
        EXPECT_EQ(to_string(result.outcome), one["outcome"]) << result.reason;
        EXPECT_EQ(result.counted, u64_of(one["n"]));
        EXPECT_EQ(result.multiplier.value, u64_of(one["multiplier_ppm"]));
        EXPECT_EQ(result.rate, u64_of(one["day_rate_hs"]));
        EXPECT_EQ(to_string(result.credit), to_string(micro_of(one["credit_micro"])))
            << result.reason;
        EXPECT_FALSE(result.reason.empty());
    }
}

TEST(Vectors, Standing) {
    const Json vectors = load_vectors("standing.json");
    std::map<std::string, std::size_t> column;
    for (const Json& name : vectors["columns"]) column.emplace(name, column.size());
    ASSERT_EQ(column.size(), 8U);
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one["policy"]);
        only_fields(one, {"policy", "steps"});
        const Policy policy = policy_named(one["policy"]);
        Standing standing;
        std::size_t row = 0;
        for (const Json& expected : one["steps"]) {
            SCOPED_TRACE("step " + std::to_string(row++) + ": " + expected.dump());
            ASSERT_EQ(expected.size(), column.size());
            const auto at = [&](const char* name) -> const Json& {
                return expected[column.at(name)];
            };
            const StandingStep stepped =
                step(standing, day_named(at("outcome")), micro_of(at("credit")), policy);
            standing = stepped.after;
            EXPECT_EQ(stepped.slashed, micro_of(at("slash")));
            EXPECT_EQ(stepped.grace_used, at("graced").get<bool>());
            EXPECT_EQ(standing.balance, micro_of(at("balance")));
            EXPECT_EQ(standing.service_days, u64_of(at("service_days")));
            EXPECT_EQ(standing.grace_left, u64_of(at("grace_left")));
            EXPECT_EQ(standing.down_run, u64_of(at("down_run")));
        }
    }
}

TEST(Vectors, State) {
    const Json vectors = load_vectors("state.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one["state_hash"]);
        only_fields(one, {"network_id", "day", "devices", "state_hash"});
        std::vector<DeviceState> devices;
        for (const Json& row : one["devices"]) {
            ASSERT_EQ(row.size(), 6U);
            const auto small = [&row](std::size_t i) {
                return static_cast<std::uint32_t>(u64_of(row[i]));
            };
            devices.push_back({fixed_of<DeviceId>(row[0]),
                               {micro_of(row[1]), small(2), small(3), small(4)},
                               u64_of(row[5])});
        }
        std::sort(devices.begin(), devices.end(),
                  [](const DeviceState& a, const DeviceState& b) { return a.device < b.device; });
        const DayIndex day{one["day"].get<std::int64_t>()};
        EXPECT_EQ(to_hex(state_hash(fixed_of<NetworkId>(one["network_id"]), day, devices)),
                  one["state_hash"]);
    }
}

}  // namespace
}  // namespace vigil::test
