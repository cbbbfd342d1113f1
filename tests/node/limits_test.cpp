#include "node/limits.hpp"

#include <gtest/gtest.h>

namespace vigil::node {
namespace {

constexpr std::uint64_t gib = 1ull << 30;
const Limits hot{.temp_stop = 85, .temp_start = 75};
const Limits roomy{.keep_free_memory = 2 * gib};
const Limits polite{.yield_to_others = true};

health::Health read(health::Reading reading) {
    return {health::Presence::present, "", std::move(reading), Milliseconds{0}};
}
health::Health degrees(std::int64_t value) {
    health::Reading reading;
    reading.temperature_celsius = value;
    return read(reading);
}
health::Health free_memory(std::uint64_t bytes) {
    health::Reading reading;
    reading.memory_free_bytes = bytes;
    return read(reading);
}
health::Health others(std::vector<std::uint32_t> pids) {
    health::Reading reading;
    reading.other_processes = std::move(pids);
    return read(reading);
}

TEST(Limits, ADeviceRestsFromTempStopUntilTempStart) {
    Beyond now;
    const auto rests = [&](std::int64_t value) {
        now = step(now, hot, degrees(value));
        return now.temperature;
    };
    EXPECT_FALSE(rests(84));
    EXPECT_TRUE(rests(85));
    EXPECT_TRUE(rests(80));
    EXPECT_TRUE(rests(76));
    EXPECT_FALSE(rests(75));
    EXPECT_FALSE(rests(84));
}

TEST(Limits, WhatIsNotReadChangesNothing) {
    const health::Health unknown{health::Presence::unknown, "hung", {}, Milliseconds{9000}};
    for (const Beyond& now : {Beyond{}, Beyond{true, true, true, false}})
        EXPECT_EQ(step(now, {85, 75, gib, true}, unknown), now);
}

TEST(Limits, MemoryMustBeFreeBeyondTheLimitBeforeItGoesOn) {
    EXPECT_FALSE(step({}, roomy, free_memory(2 * gib)).memory);
    EXPECT_TRUE(step({}, roomy, free_memory(2 * gib - 1)).memory);
    const Beyond resting{.memory = true};
    EXPECT_TRUE(step(resting, roomy, free_memory(2 * gib + memory_to_go_on - 1)).memory);
    EXPECT_FALSE(step(resting, roomy, free_memory(2 * gib + memory_to_go_on)).memory);
}

TEST(Limits, ItYieldsToOthersOnlyWhenAsked) {
    EXPECT_TRUE(step({}, polite, others({42})).others);
    EXPECT_FALSE(step({.others = true}, polite, others({})).others);
    EXPECT_EQ(step({}, Limits{}, others({42})), Beyond{});
    EXPECT_EQ(step({true, true, true, false}, Limits{}, degrees(99)), Beyond{}) << "no limit, no pause";
}

TEST(Limits, WhySaysTheNumbersAndWhenItGoesOn) {
    EXPECT_EQ(why_paused({.temperature = true}, hot, degrees(86).reading),
              "86 °C, temp_stop is 85 °C; goes on at 75 °C");
    EXPECT_EQ(why_paused({.temperature = true}, hot, {}),
              "no reading now, temp_stop is 85 °C; goes on at 75 °C");
    EXPECT_EQ(why_paused({.memory = true}, roomy, free_memory(gib + gib / 2).reading),
              "1.5 GiB free, keep_free_memory is 2.0 GiB; goes on with 2.2 GiB free");
    EXPECT_EQ(why_paused({.others = true}, polite, others({42}).reading),
              "1 other process computes on it (42), yield_to_others is on; goes on when it is "
              "alone");
    EXPECT_EQ(why_paused({.others = true}, polite, others({1, 2, 3, 4}).reading),
              "4 other processes compute on it (1, 2, 3), yield_to_others is on; goes on when it "
              "is alone");
}

TEST(Limits, LimitsWithoutAReadingAreNamed) {
    EXPECT_EQ(not_kept({85, 75, gib, true}, {}), "temp_stop, keep_free_memory, yield_to_others");
    EXPECT_EQ(not_kept(hot, degrees(50).reading), "");
    EXPECT_EQ(not_kept({}, {}), "");
}

TEST(Limits, BytesFromText) {
    EXPECT_EQ(bytes_from_text("2GiB"), 2 * gib);
    EXPECT_EQ(bytes_from_text("512 MiB"), 512ull << 20);
    EXPECT_EQ(bytes_from_text("2GB"), 2'000'000'000u);
    EXPECT_EQ(bytes_from_text("1000"), 1000u);
    for (const char* wrong : {"", "GiB", "2gib", "-1", "1.5GiB", "2GiBs", "99999999TiB",
                              "99999999999999999999", "2  GiB"})
        EXPECT_FALSE(bytes_from_text(wrong)) << wrong;
}

TEST(Limits, HealthInWords) {
    health::Reading r;
    EXPECT_EQ(health_words(read(r)), "–");
    r.temperature_celsius = 61;
    r.power_milliwatts = 209'600;
    r.memory_used_bytes = gib + gib / 5;
    r.memory_total_bytes = 24 * gib;
    r.uncorrected_errors = 2;
    r.throttled_by = std::vector<std::string>{"power cap"};
    EXPECT_EQ(health_words(read(r)),
              "61 °C, 210 W, 1.2 GiB of 24.0 GiB, 2 memory errors, slowed by power cap");
    EXPECT_EQ(health_words({health::Presence::lost, "gone", {}, {}}), "lost");
}

}  // namespace
}  // namespace vigil::node
