#include "verifier/scheduler.hpp"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;

/// A day of twelve seconds, so that real threads see several windows.
Policy quick_policy() {
    Policy policy = small_policy();
    policy.name = "quick";
    policy.day = 12s;
    const auto times = [](CheckRule& rule, Milliseconds work) {
        rule.work = work;
        rule.spread = 0ms;
        rule.slack = 100ms;
    };
    times(policy.roll_call, 100ms);
    times(policy.hourly, 50ms);
    times(policy.spot, 50ms);
    times(policy.calibration, 50ms);
    return policy;
}

/// The world's time, moved along by real time; may be made to jump.
struct MovingClock {
    Instant begin;
    std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
    std::atomic<Milliseconds> jump{};
    Instant operator()() const {
        return begin + jump.load() +
               std::chrono::floor<Milliseconds>(std::chrono::steady_clock::now() - began);
    }
};

class SchedulerOverThreads : public testing::Test {
protected:
    void SetUp() override {
        world.boot();
        world.enrol({Habit::honest, Habit::honest});
        hooks.draw = [] { return DayKey{}; };
        hooks.window_closed = [this](const WindowClosing& closing) {
            const std::lock_guard lock{mutex};
            closed.push_back(closing.window);
        };
        hooks.check_started = [this](Milliseconds lag) { worst = std::max(worst.load(), lag); };
        scheduler_hooks.failed = [this](const std::string&, const std::string&, Milliseconds) {
            ++failures;
        };
    }
    std::vector<WindowIndex> closings() {
        const std::lock_guard lock{mutex};
        return closed;
    }
    void expect_in_order() {
        const auto all = closings();
        for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i], all[i - 1] + 1);
    }

    std::vector<DayKeyRecord> day_keys() {
        std::vector<DayKeyRecord> keys;
        world.store().read([&](Reader& reader) { keys = reader.day_keys({0}, 1'000); });
        return keys;
    }
    std::size_t heartbeats(Instant from, Instant to) {
        std::size_t count = 0;
        world.store().read([&](Reader& reader) {
            count = 0;
            for (const Instant beat : reader.heartbeats(from, to))
                count += beat >= from && beat <= to;
        });
        return count;
    }

    World world{11, quick_policy()};
    MovingClock clock{world.now()};
    std::atomic<Milliseconds> told_jump{};
    std::atomic<int> leaps{};
    ClockGuard guard{
        [this] { return clock(); },
        [this] {
            return std::chrono::floor<Milliseconds>(std::chrono::steady_clock::now() - clock.began);
        },
        {.jumped = [this](Milliseconds jump) { told_jump = jump; },
         .held = [this](const ClockLeap&) { ++leaps; },
         .released = {}}};
    TimelineHooks hooks;
    SchedulerHooks scheduler_hooks;
    std::mutex mutex;
    std::vector<WindowIndex> closed;
    std::atomic<Milliseconds> worst{};
    std::atomic<int> failures{};
};

TEST_F(SchedulerOverThreads, ClosesWindowsAsTheyEndAndStopsAtOnce) {
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    Scheduler scheduler{timeline, guard, scheduler_hooks};
    scheduler.start();
    std::this_thread::sleep_for(5s);
    EXPECT_LT(scheduler.silence(), 2s);
    const auto before = std::chrono::steady_clock::now();
    scheduler.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
    EXPECT_GE(closings().size(), 2U);
    expect_in_order();
    EXPECT_EQ(failures, 0);
    // Generous, because the machine may be busy; a poll of once a second would exceed it.
    EXPECT_LT(worst.load(), 700ms);
}

TEST_F(SchedulerOverThreads, ClosingThatMustWaitAsksAgainForTheSameMoment) {
    std::vector<Instant> asked;  // of the one thread that keeps the books
    hooks.settle_answers = [&asked](Instant received) {
        asked.push_back(received);
        return asked.size() > 3;
    };
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    const Instant closes =
        world.calendar().span(world.calendar().window_at(world.now())).end + 50ms;
    for (int i = 1; i <= 4; ++i) {
        EXPECT_TRUE(closings().empty());
        timeline.keep_books(closes + i * 100ms);
    }
    EXPECT_EQ(asked, std::vector(4, closes));
    EXPECT_EQ(closings().size(), 1U);
}

TEST_F(SchedulerOverThreads, RetriesWhatFailedAndTellsOfAJump) {
    std::atomic<int> to_fail{3};
    hooks.settle_answers = [&to_fail](Instant) {
        if (to_fail-- > 0) throw StoreFailed{"disk full"};
        return true;
    };
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    Scheduler scheduler{timeline, guard, scheduler_hooks};
    scheduler.start();
    std::this_thread::sleep_for(1s);
    clock.jump = 40s;
    std::this_thread::sleep_for(4s);
    scheduler.stop();
    EXPECT_EQ(failures, 3);
    EXPECT_GE(closings().size(), 20U) << "the jump went over twenty windows of two seconds";
    expect_in_order();
    EXPECT_GT(told_jump.load(), 35s);
    EXPECT_EQ(leaps, 0);
}

TEST_F(SchedulerOverThreads, AStepAheadIsSilentUntilTheGapIsAFault) {
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    Scheduler scheduler{timeline, guard, scheduler_hooks};
    const Instant begin = clock();
    scheduler.start();
    std::this_thread::sleep_for(1s);
    const std::size_t before = closings().size();
    const std::size_t beats = heartbeats(begin, begin + 1h);
    clock.jump = 8s;
    std::this_thread::sleep_for(3s);
    EXPECT_EQ(heartbeats(begin, begin + 1h), beats) << "that of ten seconds is withheld";
    EXPECT_EQ(closings().size(), before);
    clock.jump = 32s;
    std::this_thread::sleep_for(2s);
    scheduler.stop();
    EXPECT_EQ(heartbeats(begin, begin + 30s), beats);
    EXPECT_GT(heartbeats(begin, begin + 1h), beats);
    EXPECT_GE(closings().size(), before + 10);
    expect_in_order();
    EXPECT_EQ(failures, 0);
}

TEST_F(SchedulerOverThreads, BelievesNoLeapAndGoesOnWhenTheClockIsBack) {
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    Scheduler scheduler{timeline, guard, scheduler_hooks};
    scheduler.start();
    std::this_thread::sleep_for(1s);
    const auto keys = day_keys();
    const std::size_t before = closings().size();
    clock.jump = 24h;
    std::this_thread::sleep_for(4s);
    EXPECT_EQ(leaps, 1) << "told once";
    ASSERT_TRUE(guard.held());
    EXPECT_EQ(guard.held()->says - guard.held()->due, 24h);
    EXPECT_EQ(closings().size(), before) << "windows wait, also those that ended meanwhile";
    EXPECT_FALSE(timeline.last_settled());
    EXPECT_EQ(day_keys().size(), keys.size());
    for (const DayKeyRecord& key : day_keys()) EXPECT_FALSE(key.revealed);
    EXPECT_EQ(heartbeats(clock() - 1h, clock() + 1h), 0U) << "nobody served then";
    EXPECT_LT(scheduler.silence(), 2s);

    clock.jump = 0ms;
    std::this_thread::sleep_for(2s);
    scheduler.stop();
    EXPECT_FALSE(guard.held());
    EXPECT_GE(closings().size(), before + 2);
    expect_in_order();
    EXPECT_EQ(failures, 0);
}

TEST_F(SchedulerOverThreads, ARestartBelievesTheClock) {
    clock.jump = 10min;
    Timeline timeline{world.store(),
                      world.roster(),
                      world.schedule(),
                      {},
                      {.holder = World::alone, .grace = 50ms},
                      hooks};
    ClockGuard fresh{[this] { return clock(); }, [] { return 0ms; }, {}};
    Scheduler scheduler{timeline, fresh, scheduler_hooks};
    scheduler.start();
    EXPECT_TRUE([&] {
        for (int i = 0; i < 100 && closings().size() < 20; ++i) std::this_thread::sleep_for(100ms);
        return closings().size() >= 20;
    }());
    scheduler.stop();
    expect_in_order();
}

}  // namespace
}  // namespace vigil::verifier::simulation
