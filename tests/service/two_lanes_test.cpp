#include "verifier/two_lanes.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>

namespace vigil::verifier {
namespace {

using Lanes = TwoLanes<char>;

void put(Lanes& lanes, Lanes::Lane lane, const std::string& items) {
    for (char item : items) EXPECT_TRUE(lanes.offer(lane, item));
}
std::string all_of(Lanes& lanes) {
    std::string order;
    lanes.close();
    while (const auto next = lanes.take()) order += *next;
    return order;
}

TEST(TwoLanes, SecondGetsEveryFourthTurn) {
    Lanes lanes{16};
    put(lanes, Lanes::Lane::second, "1234");
    put(lanes, Lanes::Lane::first, "abcdefgh");
    EXPECT_EQ(all_of(lanes), "abc1def2gh34");
}

TEST(TwoLanes, FirstThatComesLateHasTheNextTurn) {
    Lanes lanes{16};
    put(lanes, Lanes::Lane::second, "12345");
    for (const char expected : {'1', '2'}) EXPECT_EQ(lanes.take(), expected);
    put(lanes, Lanes::Lane::first, "ab");
    EXPECT_EQ(all_of(lanes), "ab345");
}

TEST(TwoLanes, NeitherTakesTheOthersPlaces) {
    Lanes lanes{2};
    put(lanes, Lanes::Lane::second, "12");
    char more = '3';
    EXPECT_FALSE(lanes.offer(Lanes::Lane::second, more));
    EXPECT_EQ(more, '3');
    put(lanes, Lanes::Lane::first, "ab");
    EXPECT_FALSE(lanes.offer(Lanes::Lane::first, more));
    EXPECT_EQ(all_of(lanes), "ab12");
    EXPECT_FALSE(lanes.offer(Lanes::Lane::first, more)) << "closed";
}

TEST(TwoLanes, WhoWaitsIsWokenByEither) {
    for (const auto lane : {Lanes::Lane::first, Lanes::Lane::second}) {
        Lanes lanes{2};
        std::optional<char> taken;
        std::thread waits{[&] { taken = lanes.take(); }};
        put(lanes, lane, "x");
        waits.join();
        EXPECT_EQ(taken, 'x');
    }
}

}  // namespace
}  // namespace vigil::verifier
