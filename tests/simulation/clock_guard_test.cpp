#include "verifier/clock_guard.hpp"

#include <gtest/gtest.h>
#include <vector>

#include "proto/edge/stopwatch.hpp"

namespace vigil::verifier {
namespace {

using namespace std::chrono_literals;

constexpr Instant begin = instant_from_ms(1'700'000'000'000);

/// A wall clock and the time that passed, each moved by hand.
struct Clocks : testing::Test {
    void pass(Milliseconds time) {
        wall += time;
        passed += time;
    }
    Instant wall = begin;
    Milliseconds passed{12'345};
    std::vector<Milliseconds> jumps;
    std::vector<ClockLeap> leaps;
    int released = 0;
    ClockGuard guard{[this] { return wall; },
                     [this] { return passed; },
                     {.jumped = [this](Milliseconds jump) { jumps.push_back(jump); },
                      .held = [this](const ClockLeap& leap) { leaps.push_back(leap); },
                      .released = [this] { ++released; }}};
};

TEST_F(Clocks, ThatAgreeAreTheWallClock) {
    for (const Milliseconds time : {0ms, 1ms, 1'000ms, 86'400'000ms}) {
        pass(time);
        EXPECT_EQ(guard.now(), wall);
    }
    EXPECT_TRUE(jumps.empty() && leaps.empty());
}

TEST_F(Clocks, AStepOfAMinuteIsBelievedAndTold) {
    wall += 60s;
    EXPECT_EQ(guard.now(), begin + 60s);
    wall += 2s;
    EXPECT_EQ(guard.now(), begin + 62s) << "too small to be told";
    EXPECT_EQ(jumps, std::vector<Milliseconds>{60s});
    EXPECT_FALSE(guard.held());
}

TEST_F(Clocks, ALeapIsNotBelievedAndToldOnce) {
    pass(10s);
    wall += 60'001ms;
    EXPECT_EQ(guard.now(), begin + 10s);
    pass(5s);
    EXPECT_EQ(guard.now(), begin + 15s) << "it goes on by the time that passed";
    ASSERT_EQ(leaps.size(), 1U);
    EXPECT_EQ(leaps[0].due, begin + 10s);
    EXPECT_EQ(leaps[0].says, begin + 70'001ms);
    ASSERT_TRUE(guard.held());
    EXPECT_EQ(guard.held()->due, begin + 15s);
    wall += 24h;
    EXPECT_EQ(guard.now(), begin + 15s);
    EXPECT_EQ(leaps.size(), 1U);
    EXPECT_TRUE(jumps.empty());
}

TEST_F(Clocks, SetRightAgainAreBelievedAgain) {
    wall += 1h;
    EXPECT_EQ(guard.now(), begin);
    pass(30s);
    wall -= 1h;
    EXPECT_EQ(guard.now(), begin + 30s);
    EXPECT_FALSE(guard.held());
    EXPECT_EQ(released, 1);
    wall += 1h;
    EXPECT_EQ(guard.now(), begin + 30s);
    EXPECT_EQ(leaps.size(), 2U) << "another leap is told again";
}

TEST_F(Clocks, AStepBackIsBelieved) {
    wall -= 1h;
    EXPECT_EQ(guard.now(), begin - 1h);
    EXPECT_EQ(jumps, std::vector<Milliseconds>{-1h});
    pass(1s);
    EXPECT_EQ(guard.now(), begin - 1h + 1s);
    EXPECT_FALSE(guard.held());
}

/// It was there before, so nothing is decided early by it.
TEST_F(Clocks, AStepBackMayBeSetRightAgain) {
    pass(10s);
    wall -= 1h;
    EXPECT_EQ(guard.now(), begin + 10s - 1h);
    pass(2h);
    EXPECT_EQ(guard.now(), begin + 10s + 1h);
    wall += 1h;
    EXPECT_EQ(guard.now(), begin + 10s + 2h);
    EXPECT_FALSE(guard.held());
    EXPECT_EQ(jumps, (std::vector<Milliseconds>{-1h, 1h}));

    wall -= 1h;
    EXPECT_EQ(guard.now(), begin + 10s + 1h);
    wall += 1h + 60'001ms;
    EXPECT_EQ(guard.now(), begin + 10s + 1h) << "further ahead than it ever was";
    EXPECT_TRUE(guard.held());
    EXPECT_EQ(leaps.size(), 1U);
}

TEST_F(Clocks, StepsAheadThatAreBelievedAreCounted) {
    struct Case {
        Milliseconds step;
        std::uint64_t steps;
        bool held;
    };
    const Case cases[] = {{2s, 0, false},      {2'001ms, 1, false}, {-2'001ms, 1, false},
                          {2'001ms, 2, false}, {-1h, 2, false},     {1h, 3, false},
                          {60'001ms, 3, true}, {0ms, 3, true},      {-15s, 4, false},
                          {0ms, 4, false},     {60s, 5, false},     {24h, 5, true},
                          {-24h, 5, false},    {1'999ms, 5, false}};
    for (const Case& one : cases) {
        SCOPED_TRACE(&one - cases);
        pass(1s);
        wall += one.step;
        guard.now();
        EXPECT_EQ(guard.steps_ahead(), one.steps);
        EXPECT_EQ(guard.held().has_value(), one.held);
    }
}

TEST_F(Clocks, ARestartBelievesWhateverItFinds) {
    wall += 24h;
    EXPECT_EQ(guard.now(), begin);
    ClockGuard restarted{[this] { return wall; }, [this] { return passed; }, {}};
    EXPECT_EQ(restarted.now(), begin + 24h);
    EXPECT_FALSE(restarted.held());
}

/// The machine sleeps, counted by the stopwatch: nothing leapt.
TEST_F(Clocks, ASleepThatIsCountedIsNoLeap) {
    pass(8h);
    EXPECT_EQ(guard.now(), begin + 8h);
    EXPECT_FALSE(guard.held());
}

/// Stopped between reading the one and the other, as by SIGSTOP or a sleep of the machine.
TEST(ClockGuard, AStopBetweenTwoReadingsIsNoLeap) {
    Instant wall = begin;
    Milliseconds passed{};
    bool stop = false;
    ClockGuard guard{[&] {
                         const Instant read = wall;
                         if (std::exchange(stop, false)) {
                             wall += 1h;
                             passed += 1h;
                         }
                         return read;
                     },
                     [&] { return passed; },
                     {}};
    stop = true;
    EXPECT_EQ(guard.now(), begin + 1h);
    EXPECT_EQ(guard.now(), begin + 1h);
    EXPECT_FALSE(guard.held());
}

TEST(Stopwatch, GoesWithTheSteadyClock) {
    const Milliseconds before = edge::time_passed();
    const auto steady = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - steady < 50ms) {
    }
    EXPECT_GE(edge::time_passed() - before, 49ms);
    EXPECT_LT(edge::time_passed() - before, 30s);
}

}  // namespace
}  // namespace vigil::verifier
