#include "health/monitor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "tests/health/places.hpp"

namespace vigil::health {
namespace {

using std::chrono::steady_clock;
using test::FakeCards;
using ::testing::HasSubstr;

MonitorOptions quick(const std::string& sysfs = "/nowhere") {
    return {.nvml_library = FAKE_NVML_NEW,
            .sysfs = sysfs,
            .every = Milliseconds{20},
            .stale = Milliseconds{400}};
}

template <class Condition>
bool eventually(Condition&& so) {
    const auto until = steady_clock::now() + std::chrono::seconds{10};
    while (!so()) {
        if (steady_clock::now() > until) return false;
        std::this_thread::sleep_for(Milliseconds{5});
    }
    return true;
}

TEST(Monitor, FollowsWhatTheDriverSays) {
    const FakeCards cards{"driver 1\ngpu GPU-1\ntemperature 50\n"};
    const Monitor monitor{{{"GPU-1", ""}}, quick()};
    ASSERT_TRUE(monitor.wait_first(Milliseconds{10'000}));
    EXPECT_EQ(monitor.read(0).reading.temperature_celsius, 50);
    EXPECT_LT(monitor.read(0).age.value(), Milliseconds{400});
    cards.change("driver 1\ngpu GPU-1\ntemperature 90\n");
    EXPECT_TRUE(eventually([&] { return monitor.read(0).reading.temperature_celsius == 90; }));
}

TEST(Monitor, ADriverThatHangsMakesItsDeviceUnknownAndNoOther) {
    const FakeCards cards{"driver 1\ngpu GPU-1\ntemperature 50\ngpu GPU-2\ntemperature 60\n"};
    {
        const Monitor monitor{{{"GPU-1", ""}, {"GPU-2", ""}}, quick()};
        ASSERT_TRUE(monitor.wait_first(Milliseconds{10'000}));
        cards.change("driver 1\ngpu GPU-1\ntemperature 50\nhang\ngpu GPU-2\ntemperature 61\n");
        EXPECT_TRUE(eventually([&] { return monitor.read(0).presence == Presence::unknown; }));
        EXPECT_THAT(monitor.read(0).why, HasSubstr("has not answered"));
        EXPECT_FALSE(monitor.read(0).reading.temperature_celsius) << "a stale value is none";
        EXPECT_TRUE(eventually([&] { return monitor.read(1).reading.temperature_celsius == 61; }));
        const auto asked = steady_clock::now();
        (void)monitor.read(0);
        EXPECT_LT(steady_clock::now() - asked, Milliseconds{100});
        cards.change("driver 1\ngpu GPU-1\ntemperature 52\ngpu GPU-2\ntemperature 61\n");
        EXPECT_TRUE(eventually([&] { return monitor.read(0).reading.temperature_celsius == 52; }));
        cards.change("driver 1\ngpu GPU-1\nhang\n");
        EXPECT_TRUE(eventually([&] { return monitor.read(0).presence == Presence::unknown; }));
    }
    // The monitor is gone although its thread is not.
    cards.change("driver 1\n");
    std::this_thread::sleep_for(Milliseconds{100});
}

TEST(Monitor, ALostCardIsLostAndMayComeBack) {
    const FakeCards cards{"driver 1\ngpu GPU-1\ntemperature 50\n"};
    const Monitor monitor{{{"GPU-1", ""}}, quick()};
    ASSERT_TRUE(monitor.wait_first(Milliseconds{10'000}));
    cards.change("driver 1\ngpu GPU-1\ntemperature 50\nlost\n");
    EXPECT_TRUE(eventually([&] { return monitor.read(0).presence == Presence::lost; }));
    EXPECT_THAT(monitor.read(0).why, HasSubstr("GPU is lost"));
    EXPECT_FALSE(monitor.read(0).reading.temperature_celsius);
    cards.change("driver 1\n");
    EXPECT_TRUE(eventually(
        [&] { return monitor.read(0).why.find("no longer lists") != std::string::npos; }));
    cards.change("driver 1\ngpu GPU-1\ntemperature 44\n");
    EXPECT_TRUE(eventually([&] { return monitor.read(0).reading.temperature_celsius == 44; }));
}

TEST(Monitor, WhatNvmlDoesNotKnowIsLookedUpInSys) {
    const FakeCards cards{"driver 1\n"};
    const test::Tree tree;
    tree.write("class/hwmon/hwmon1/name", "k10temp\n");
    tree.write("class/hwmon/hwmon1/temp1_input", "45000\n");
    tree.write("class/drm/card1/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    tree.write("class/drm/card1/device/hwmon/hwmon3/temp1_input", "58000\n");
    const Monitor monitor{
        {{"cpu:abc", ""}, {"opencl:nothing:0", ""}, {"opencl:AMD:0", "0000:03:00.0"}},
        quick(tree.path())};
    ASSERT_TRUE(monitor.wait_first(Milliseconds{10'000}));
    EXPECT_EQ(monitor.read(0).reading.temperature_celsius, 45);
    EXPECT_EQ(monitor.read(2).reading.temperature_celsius, 58);
    EXPECT_EQ(monitor.read(1).presence, Presence::silent);
}

}  // namespace
}  // namespace vigil::health
