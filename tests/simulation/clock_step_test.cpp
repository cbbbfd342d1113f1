#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/uptime/availability.hpp"
#include "tests/simulation/books.hpp"
#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

constexpr Instant end_of_time = instant_from_ms(std::int64_t{1} << 60);

/// As a step that the guard believed.
void step_ahead(World& world, Milliseconds by) {
    world.jump_to(world.now() + by);
    world.timeline().clock_stepped_ahead();
}

std::vector<Instant> heartbeats(World& world) {
    std::vector<Instant> beats;
    world.store().read([&](Reader& reader) { beats = reader.heartbeats(Instant{}, end_of_time); });
    return beats;
}

std::vector<CheckRow> rows_of(World& world, WindowIndex window) {
    std::vector<CheckRow> rows;
    world.store().read([&](Reader& reader) { rows = reader.verdicts_of(window); });
    return rows;
}

TEST(ClockStep, IsInAGapThatIsAFault) {
    for (const Milliseconds step :
         {Milliseconds{2'001}, Milliseconds{5'000}, Milliseconds{12'000}, Milliseconds{20'000},
          Milliseconds{30'000}, Milliseconds{60'000}}) {
        for (const Milliseconds after_a_beat : {0ms, 4'000ms, 9'999ms}) {
            SCOPED_TRACE(testing::Message() << step.count() << " ms, " << after_a_beat.count()
                                            << " ms after a heartbeat");
            World world{1};
            world.boot();
            world.enrol({Habit::honest});
            world.run_until(world.now() + 50s);
            world.run_until(heartbeats(world).back() + heartbeat_every + after_a_beat);
            const Instant from = world.now();
            step_ahead(world, step);
            const Instant to = world.now();
            world.run_until(to + 100s);

            const auto beats = heartbeats(world);
            int faults = 0;
            for (std::size_t i = 1; i < beats.size(); ++i) {
                const Milliseconds gap = beats[i] - beats[i - 1];
                if (gap <= heartbeat_every) continue;
                ++faults;
                EXPECT_GT(gap, heartbeat_gap_max);
                EXPECT_LE(beats[i - 1], from);
                EXPECT_GE(beats[i], to);
                EXPECT_LE(gap, std::max(heartbeat_gap_max + 1ms, step + heartbeat_every));
            }
            EXPECT_EQ(faults, 1);
            EXPECT_THAT(audit(world.store()), IsEmpty());
        }
    }
}

/// What was in work when the clock stepped came late by the step, through nobody's fault.
TEST(ClockStep, MakesVoidWhatItMet) {
    for (const bool told : {true, false}) {
        World world{2};
        world.boot();
        const std::size_t devices = 5;
        world.enrol(std::vector<Habit>(devices, Habit::honest));
        const WindowIndex window = world.calendar().window_at(world.now()) + 3;
        world.run_until(world.calendar().span(window).begin);
        Instant start;
        for (const FleetCheck& check : world.schedule().plan(window)->fleet)
            if (check.kind == CheckKind::roll_call) start = check.start;
        world.run_until(start + 1s);
        if (told)
            step_ahead(world, 5s);
        else
            world.jump_to(world.now() + 5s);
        world.run_until(world.calendar().span(window + 3).end + 1s);

        std::size_t late = 0, void_ = 0;
        for (const CheckRow& row : rows_of(world, window)) {
            if (row.verdict.claim.kind != CheckKind::roll_call) continue;
            late += row.verdict.judgement.verdict == Verdict::late;
            void_ += row.voided.has_value();
        }
        EXPECT_EQ(late, devices) << "else this is no test";
        EXPECT_EQ(void_, told ? devices : 0U);
        for (std::size_t i = 1; i < world.closed.size(); ++i)
            EXPECT_EQ(world.closed[i], world.closed[i - 1] + 1);
        EXPECT_GE(world.closed.back(), window + 3);
        EXPECT_THAT(audit(world.store()), IsEmpty());
    }
}

/// The books of a window are closed over the heartbeat after it, not before.
TEST(ClockStep, ClosesNothingWithinTheGap) {
    World world{3};
    world.boot();
    world.enrol({Habit::honest});
    const WindowIndex window = world.calendar().window_at(world.now()) + 2;
    world.run_until(world.calendar().span(window).end - 6s);
    const std::size_t closed = world.closed.size();
    const Instant last = heartbeats(world).back();
    step_ahead(world, 5s);
    world.run_until(last + heartbeat_gap_max);
    EXPECT_EQ(world.closed.size(), closed);
    EXPECT_EQ(heartbeats(world).back(), last);
    world.run_until(last + heartbeat_gap_max + 1ms);
    EXPECT_EQ(heartbeats(world).back(), last + heartbeat_gap_max + 1ms);
    EXPECT_GT(world.closed.size(), closed);
}

/// A heartbeat written into time that is lived again would undo the gap that the step ahead made.
TEST(ClockStep, SetRightAgainLeavesTheGap) {
    World world{4};
    world.boot();
    world.enrol({Habit::honest});
    world.run_until(world.now() + 50s);
    const Instant from = heartbeats(world).back();
    Timeline& timeline = world.timeline();
    timeline.clock_stepped_ahead();
    timeline.keep_books(from + 40s);
    for (Milliseconds passed = 1s; passed < 50s; passed += 1s) timeline.keep_books(from + passed);
    timeline.keep_books(from + 50s);
    std::vector<Instant> beats = heartbeats(world);
    ASSERT_GE(beats.size(), 3U);
    beats.erase(beats.begin(), beats.end() - 3);
    EXPECT_THAT(beats, testing::ElementsAre(from, from + 40s, from + 50s));
}

}  // namespace
}  // namespace vigil::verifier::simulation
