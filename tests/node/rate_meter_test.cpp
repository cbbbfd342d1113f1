#include "node/rate_meter.hpp"

#include <gtest/gtest.h>

namespace vigil::node {
namespace {

using namespace std::chrono_literals;

TEST(RateMeter, KnowsNothingBeforeTheFirstHash) {
    EXPECT_EQ(RateMeter{}.over(10s), 0);
    RateMeter meter;
    meter.add(5, 0s);
    EXPECT_EQ(meter.over(10s), 0) << "no time, no rate";
}

TEST(RateMeter, LooksBackOverHashingAlone) {
    RateMeter meter;
    for (int i = 0; i < 60; ++i) meter.add(100, 1s);
    for (int i = 0; i < 10; ++i) meter.add(200, 1s);
    EXPECT_EQ(meter.over(10s), 200);
    EXPECT_EQ(meter.over(20s), 150);
    EXPECT_DOUBLE_EQ(meter.over(15min), (60 * 100.0 + 10 * 200.0) / 70);
}

TEST(RateMeter, ShortSlicesAreAddedUp) {
    RateMeter meter;
    for (int i = 0; i < 400; ++i) meter.add(10, 50ms);
    EXPECT_DOUBLE_EQ(meter.over(10s), 200);
}

TEST(RateMeter, ForgetsWhatIsOlderThanAQuarterOfAnHour) {
    RateMeter meter;
    for (int i = 0; i < 3600; ++i) meter.add(1, 1s);
    for (int i = 0; i < 900; ++i) meter.add(1000, 1s);
    EXPECT_EQ(meter.over(2h), 1000);
}

}  // namespace
}  // namespace vigil::node
