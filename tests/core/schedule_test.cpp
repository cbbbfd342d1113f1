#include <gtest/gtest.h>
#include <random>

#include "core/schedule/challenge.hpp"

namespace vigil {
namespace {

DayKey any_key(std::mt19937_64& random) {
    DayKey key;
    for (auto& byte : key.bytes) byte = static_cast<std::uint8_t>(random());
    return key;
}

TEST(Calendar, SpansAreHalfOpen) {
    const Calendar calendar{*preset("incentivenet-2024-10")};
    EXPECT_EQ(calendar.day_at(instant_from_ms(0)), DayIndex{0});
    EXPECT_EQ(calendar.day_at(instant_from_ms(86'399'999)), DayIndex{0});
    EXPECT_EQ(calendar.day_at(instant_from_ms(86'400'000)), DayIndex{1});
    EXPECT_EQ(calendar.window_at(instant_from_ms(14'399'999)), WindowIndex{0});
    EXPECT_EQ(calendar.window_at(instant_from_ms(14'400'000)), WindowIndex{1});
    EXPECT_EQ(calendar.slot_at(instant_from_ms(3'599'999)), SlotIndex{0});
    EXPECT_EQ(calendar.slot_at(instant_from_ms(3'600'000)), SlotIndex{1});
    const Span span = calendar.span(DayIndex{1});
    EXPECT_TRUE(span.contains(instant_from_ms(86'400'000)));
    EXPECT_FALSE(span.contains(instant_from_ms(2 * 86'400'000)));
}

TEST(Calendar, WindowsAndSlotsTileTheDay) {
    for (const std::string_view name : preset_names()) {
        const Calendar calendar{*preset(name)};
        const DayIndex day{20'000};
        Instant at = calendar.span(day).begin;
        const WindowIndex first = calendar.first_window(day);
        for (WindowIndex w = first; w < first + calendar.windows_per_day(); ++w) {
            EXPECT_EQ(calendar.span(w).begin, at);
            EXPECT_EQ(calendar.day_of(w), day);
            EXPECT_EQ(calendar.window_at(at), w);
            for (SlotIndex s = calendar.first_slot(w);
                 s < calendar.first_slot(w) + calendar.slots_per_window(); ++s) {
                EXPECT_EQ(calendar.span(s).begin, at);
                EXPECT_EQ(calendar.window_of(s), w);
                EXPECT_EQ(calendar.slot_at(at), s);
                at = calendar.span(s).end;
            }
        }
        EXPECT_EQ(at, calendar.span(day).end);
        EXPECT_EQ(calendar.first_window(day + 1), first + calendar.windows_per_day());
    }
}

TEST(CalendarDeathTest, BeforeTheEpochIsNotSupported) {
    const Calendar calendar{*preset("demo")};
    EXPECT_DEATH(static_cast<void>(calendar.day_at(instant_from_ms(-1))),
                 "the calendar starts at the Unix epoch");
}

TEST(FleetChecks, OneRollCallAWindowAndEveryCheckInsideItsSlot) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    const Policy policy = *preset("demo");
    const Calendar calendar{policy};
    std::vector<int> roll_slots(policy.slots_per_window);
    for (std::int64_t w = 0; w < 400; ++w) {
        const auto checks = fleet_checks(policy, any_key(random), {w});
        ASSERT_EQ(checks.size(), policy.slots_per_window);
        int rolls = 0;
        for (std::size_t i = 0; i < checks.size(); ++i) {
            const Span slot = calendar.span(checks[i].slot);
            EXPECT_EQ(calendar.window_of(checks[i].slot), WindowIndex{w});
            EXPECT_TRUE(slot.contains(checks[i].start));
            EXPECT_TRUE(slot.contains(checks[i].deadline));
            EXPECT_EQ(checks[i].deadline - checks[i].start, policy.rule(checks[i].kind).length());
            if (checks[i].kind == CheckKind::roll_call) {
                ++rolls;
                ++roll_slots[i];
            }
        }
        EXPECT_EQ(rolls, 1);
    }
    for (const int times : roll_slots) EXPECT_GT(times, 40) << "400 draws of one in four";
}

TEST(SpotChecks, NoneMeetsAnotherCheck) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    Policy policy = *preset("demo");
    policy.spots_per_window = 20;
    const Calendar calendar{policy};
    std::size_t left_out = 0;
    for (std::int64_t w = 0; w < 60; ++w) {
        const DayKey key = any_key(random);
        const auto fleet = fleet_checks(policy, key, {w});
        const auto spots = spot_checks(policy, key, {w}, as<DeviceId>(any_key(random)));
        left_out += policy.spots_per_window - spots.size();
        for (std::size_t i = 0; i < spots.size(); ++i) {
            EXPECT_TRUE(calendar.span(WindowIndex{w}).contains(spots[i].start));
            EXPECT_TRUE(calendar.span(WindowIndex{w}).contains(spots[i].deadline));
            EXPECT_EQ(spots[i].ref, static_cast<std::uint64_t>(w) * 256 + spots[i].j);
            EXPECT_TRUE(i == 0 || spots[i - 1].j < spots[i].j);
            const auto apart = [&](const auto& other) {
                return spots[i].deadline < other.start || other.deadline < spots[i].start;
            };
            for (const FleetCheck& check : fleet) EXPECT_TRUE(apart(check));
            for (std::size_t j = 0; j < i; ++j) EXPECT_TRUE(apart(spots[j]));
        }
    }
    EXPECT_GT(left_out, 0U);
    policy.spots_per_window = 0;
    EXPECT_TRUE(spot_checks(policy, any_key(random), {1}, {}).empty());
}

TEST(Challenge, EveryFieldMatters) {
    const ChallengeFields fields{{}, {}, CheckKind::hourly, 7, {}, {}};
    const Challenge before = challenge(fields);
    const auto differs = [&](auto change) {
        ChallengeFields changed = fields;
        change(changed);
        return challenge(changed) != before;
    };
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.network.bytes[31] = 1; }));
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.policy.bytes[31] = 1; }));
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.kind = CheckKind::spot; }));
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.ref = 8; }));
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.beacon.bytes[31] = 1; }));
    EXPECT_TRUE(differs([](ChallengeFields& f) { f.device.bytes[31] = 1; }));
}

TEST(ExtraWork, StaysWithinTheSpread) {
    Beacon beacon;
    for (int i = 0; i < 200; ++i) {
        beacon.bytes[0] = static_cast<std::uint8_t>(i);
        EXPECT_EQ(extra_work(beacon, {}, Milliseconds{0}), Milliseconds{0});
        const Milliseconds extra = extra_work(beacon, {}, Milliseconds{3});
        EXPECT_GE(extra, Milliseconds{0});
        EXPECT_LE(extra, Milliseconds{3});
    }
}

}  // namespace
}  // namespace vigil
