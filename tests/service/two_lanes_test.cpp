#include "verifier/two_lanes.hpp"

#include <gtest/gtest.h>
#include <string>
#include <thread>

#include "verifier/bounded_queue.hpp"

namespace vigil::verifier {
namespace {

using Lane = TwoLanes<char>::Lane;
using Lanes = BoundedQueue<char, TwoLanes<char>>;

void put(Lanes& lanes, Lane lane, const std::string& items) {
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
    put(lanes, Lane::second, "1234");
    put(lanes, Lane::first, "abcdefgh");
    EXPECT_EQ(all_of(lanes), "abc1def2gh34");
}

TEST(TwoLanes, FirstThatComesLateHasTheNextTurn) {
    Lanes lanes{16};
    put(lanes, Lane::second, "12345");
    for (const char expected : {'1', '2'}) EXPECT_EQ(lanes.take(), expected);
    put(lanes, Lane::first, "ab");
    EXPECT_EQ(all_of(lanes), "ab345");
}

TEST(TwoLanes, NeitherTakesTheOthersPlaces) {
    Lanes lanes{2};
    put(lanes, Lane::second, "12");
    char more = '3';
    EXPECT_FALSE(lanes.offer(Lane::second, more));
    EXPECT_EQ(more, '3');
    put(lanes, Lane::first, "ab");
    EXPECT_FALSE(lanes.offer(Lane::first, more));
    EXPECT_EQ(all_of(lanes), "ab12");
    EXPECT_FALSE(lanes.offer(Lane::first, more)) << "closed";
}

TEST(TwoLanes, WhoWaitsIsWokenByEither) {
    for (const auto lane : {Lane::first, Lane::second}) {
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
