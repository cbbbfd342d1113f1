#include "node/limit_keeper.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "node/console_lines.hpp"
#include "node/local_api.hpp"

namespace vigil::node {
namespace {

using health::Presence;
using ::testing::HasSubstr;
using ::testing::Not;

NodeStatus two_devices() {
    NodeStatus status;
    for (const char* label : {"cuda0", "cuda1"}) {
        DeviceStatus device;
        device.label = label;
        device.windows = {WindowMark::passed, WindowMark::failed, WindowMark::open};
        status.devices.push_back(device);
    }
    return status;
}

struct LimitKeeperTest : ::testing::Test {
    Board board{two_devices()};
    Metrics metrics{"test", board.read().devices};
    std::vector<health::Health> healths{2};
    Instant now = instant_from_ms(1000);
    LimitKeeper keeper{{{.temp_stop = 85, .temp_start = 75}, {.temp_stop = 70, .temp_start = 60}},
                       [this](std::size_t i) { return healths[i]; },
                       board,
                       metrics,
                       [this] { return now; }};

    void degrees(std::size_t index, std::int64_t value) {
        healths[index] = {Presence::present, "", {}, Milliseconds{0}};
        healths[index].reading.temperature_celsius = value;
        healths[index].reading.power_milliwatts = 210'000;
        keeper.look();
    }
    DeviceStatus device(std::size_t index) { return board.read().devices[index]; }
};

TEST_F(LimitKeeperTest, AHotDeviceIsPausedForAllToSeeAndTheOtherIsNot) {
    degrees(0, 86);
    degrees(1, 60);
    EXPECT_TRUE(keeper.beyond(0).temperature);
    EXPECT_FALSE(keeper.beyond(1).any());
    EXPECT_EQ(state_words(device(0)), "paused: 86 °C, temp_stop is 85 °C; goes on at 75 °C");
    EXPECT_EQ(state_words(device(1)), "idle");
    EXPECT_EQ(pause_costs(device(0)),
              "a check due meanwhile is missed (windows today: 1 of 3 passed)");
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_gpu_paused{gpu=\"cuda0\",reason=\"temperature\"} 1"));

    now = instant_from_ms(121'000);
    board.change([](NodeStatus& status) { status.devices[0].missed_while_paused = 1; });
    EXPECT_THAT(status_table(board.read(), now),
                HasSubstr("cuda0 paused for 2 min, 1 check missed: 86 °C"));
    const auto json = nlohmann::json::parse(status_json(board.read(), now)).at("devices").at(0);
    EXPECT_EQ(json.at("paused").at("seconds"), 120);
    EXPECT_EQ(json.at("paused").at("checks_missed"), 1);
    EXPECT_EQ(json.at("health").at("temperature_celsius"), 86);
    EXPECT_TRUE(json.at("health").at("memory_used_bytes").is_null());
    EXPECT_THAT(live_lines(board.read(), now, {.width = 400}).back(), HasSubstr("cuda1"));
    EXPECT_THAT(live_lines(board.read(), now, {.width = 400}).at(1),
                HasSubstr("goes on at 75 °C · 86 °C 210 W"));

    degrees(0, 75);
    EXPECT_FALSE(keeper.beyond(0).any());
    EXPECT_EQ(state_words(device(0)), "idle");
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_gpu_paused{gpu=\"cuda0\",reason=\"temperature\"} 0"));
    EXPECT_TRUE(nlohmann::json::parse(status_json(board.read(), now))
                    .at("devices")
                    .at(0)
                    .at("paused")
                    .is_null());
}

TEST_F(LimitKeeperTest, TheOwnersHandRestsEveryDeviceUntilItLetsThemGo) {
    degrees(0, 60);
    keeper.pause(true);
    EXPECT_FALSE(keeper.beyond(0).any()) << "from the next look on";
    degrees(0, 60);
    EXPECT_TRUE(keeper.beyond(0).owner);
    EXPECT_TRUE(keeper.beyond(1).owner);
    EXPECT_THAT(state_words(device(1)), HasSubstr("paused: by its owner"));
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_gpu_paused{gpu=\"cuda0\",reason=\"owner\"} 1"));
    degrees(0, 86);
    EXPECT_THAT(state_words(device(0)), HasSubstr("by its owner; goes on with the key p"));
    EXPECT_THAT(state_words(device(0)), HasSubstr("86 °C, temp_stop is 85 °C"));
    keeper.pause(false);
    degrees(0, 74);
    EXPECT_FALSE(keeper.beyond(0).any());
    EXPECT_FALSE(keeper.beyond(1).any());
}

TEST_F(LimitKeeperTest, EachDeviceIsHeldToItsOwnLimits) {
    degrees(0, 72);
    degrees(1, 72);
    EXPECT_FALSE(keeper.beyond(0).any());
    EXPECT_EQ(state_words(device(1)), "paused: 72 °C, temp_stop is 70 °C; goes on at 60 °C");
}

TEST_F(LimitKeeperTest, ALostDeviceIsCountedOnceAndNotTheOwnersWill) {
    degrees(0, 60);
    degrees(1, 60);
    healths[0] = {Presence::lost, "GPU is lost (NVML 15)", {}, Milliseconds{0}};
    keeper.look();
    keeper.look();
    EXPECT_EQ(state_words(device(0)), "lost: GPU is lost (NVML 15)");
    EXPECT_FALSE(keeper.beyond(0).any()) << "trying is how it comes back";
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_kernel_errors_total{code=\"lost\",gpu=\"cuda0\"} 1"));
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_gpu_lost{gpu=\"cuda0\"} 1"));
    degrees(0, 61);
    EXPECT_EQ(state_words(device(0)), "idle");
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_gpu_lost{gpu=\"cuda0\"} 0"));
}

TEST_F(LimitKeeperTest, WhatIsNotReadHasNoSeries) {
    keeper.look();
    EXPECT_THAT(metrics.text(), Not(HasSubstr("vigil_node_gpu_temperature_celsius{")));
    degrees(0, 61);
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_gpu_temperature_celsius{gpu=\"cuda0\"} 61"));
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_gpu_power_watts{gpu=\"cuda0\"} 210"));
    healths[0] = {Presence::unknown, "its driver has not answered for 9 s", {}, Milliseconds{9000}};
    keeper.look();
    EXPECT_THAT(metrics.text(), Not(HasSubstr("vigil_node_gpu_temperature_celsius{")));
}

TEST_F(LimitKeeperTest, EnergyOnlyGrows) {
    const auto joules = [&](std::uint64_t millijoules) {
        healths[0] = {Presence::present, "", {}, Milliseconds{0}};
        healths[0].reading.energy_millijoules = millijoules;
        keeper.look();
        return metrics.text();
    };
    EXPECT_THAT(joules(5000), HasSubstr("vigil_node_gpu_energy_joules_total{gpu=\"cuda0\"} 5\n"));
    EXPECT_THAT(joules(7000), HasSubstr("vigil_node_gpu_energy_joules_total{gpu=\"cuda0\"} 7\n"));
    EXPECT_THAT(joules(1000), HasSubstr("vigil_node_gpu_energy_joules_total{gpu=\"cuda0\"} 8\n"))
        << "the driver was loaded anew";
}

}  // namespace
}  // namespace vigil::node
