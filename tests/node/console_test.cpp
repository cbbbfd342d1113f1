#include "node/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil::node {
namespace {

using ::testing::HasSubstr;

struct KeysTest : ::testing::Test {
    bool paused = false;
    int measured = 0;
    ConsoleActions actions{.now = [] { return instant_from_ms(130'000); },
                           .paused = [this] { return paused; },
                           .pause = [this](bool rest) { paused = rest; },
                           .measure_again = [this] { ++measured; }};
    NodeStatus status = [] {
        NodeStatus s;
        DeviceStatus d;
        d.label = "cuda0";
        d.windows = {WindowMark::passed, WindowMark::open};
        s.devices.push_back(d);
        return s;
    }();

    KeyAnswer press(char key) { return answer_key(key, status, actions); }
};

TEST_F(KeysTest, EveryKeyIsListed) {
    const std::string list = press('?').text;
    for (const char key : {'h', 'w', 's', 'p', 'r', '?'}) {
        EXPECT_FALSE(press(key).text.empty()) << key;
        EXPECT_THAT(list, HasSubstr(std::string{key} + "  "));
    }
    EXPECT_TRUE(press('x').text.empty());
    EXPECT_TRUE(press('\x1b').text.empty());
}

TEST_F(KeysTest, WhatOnlyShowsDoesNothing) {
    for (const char key : {'h', 'w', 's', '?'}) EXPECT_FALSE(press(key).act) << key;
}

TEST_F(KeysTest, APauseIsAskedForWithItsPriceAndItsEndIsNot) {
    const KeyAnswer pause = press('p');
    EXPECT_TRUE(pause.asks);
    EXPECT_THAT(pause.text,
                HasSubstr("cuda0: a check due meanwhile is missed (windows today: 1 of 2 "
                          "passed)"));
    EXPECT_FALSE(paused) << "not before the answer";
    pause.act();
    EXPECT_TRUE(paused);
    const KeyAnswer on = press('p');
    EXPECT_FALSE(on.asks);
    on.act();
    EXPECT_FALSE(paused);
}

TEST_F(KeysTest, MeasuringAgainIsAskedForWhereItCanBeDone) {
    const KeyAnswer again = press('r');
    EXPECT_TRUE(again.asks);
    again.act();
    EXPECT_EQ(measured, 1);
    actions.measure_again = nullptr;
    EXPECT_FALSE(press('r').act);
}

}  // namespace
}  // namespace vigil::node
