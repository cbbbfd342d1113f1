#include <gtest/gtest.h>

#include "tests/web/web_world.hpp"

namespace vigil::verifier::web {
namespace {

using namespace std::chrono_literals;

VerdictRecord verdict(DeviceRef device, Instant start, Verdict how, CheckKind kind) {
    VerdictRecord out;
    out.claim = {.device = device, .window = {}, .kind = kind, .ref = 1};
    out.start = start;
    out.deadline = start + 3s;
    out.received = start + 2s;
    out.judgement.verdict = how;
    return out;
}

TEST(Pulse, KeepsTheLatestOfEachDevice) {
    Pulse pulse;
    const DeviceRef device{.bucket = 3, .number = 1};
    EXPECT_FALSE(pulse.of(device).passed);
    const Instant start = instant_from_ms(1'000'000);
    pulse.note(verdict(device, start, Verdict::passed, CheckKind::hourly));
    pulse.note(verdict(device, start + 5s, Verdict::below_rate, CheckKind::hourly));
    pulse.note(verdict(device, start - 5s, Verdict::passed, CheckKind::spot));
    EXPECT_EQ(pulse.of(device).passed, start);
    EXPECT_EQ(pulse.of(device).judged, start + 5s);
    EXPECT_EQ(pulse.of(device).verdict, Verdict::below_rate);
    pulse.note(verdict(device, start + 9s, Verdict::passed, CheckKind::calibration));
    EXPECT_EQ(pulse.of(device).passed, start) << "a calibration counts for nothing";
}

TEST(Pulse, CountsTheAnswersOfTheLatestRollCall) {
    Pulse pulse;
    EXPECT_FALSE(pulse.last_roll_call());
    const Instant start = instant_from_ms(1'000'000);
    for (std::int64_t n = 0; n < 3; ++n)
        pulse.note(verdict({.bucket = 1, .number = n + 1}, start,
                           n == 0 ? Verdict::late : Verdict::passed, CheckKind::roll_call));
    const auto call = pulse.last_roll_call();
    ASSERT_TRUE(call);
    EXPECT_EQ(call->passed, 2U);
    EXPECT_EQ(call->failed, 1U);
    EXPECT_EQ(call->answers[10], 3U) << "two of three seconds, of sixteen parts";
    pulse.note(
        verdict({.bucket = 1, .number = 1}, start + 20s, Verdict::passed, CheckKind::roll_call));
    EXPECT_EQ(pulse.last_roll_call()->answered(), 1U);
    pulse.note(verdict({.bucket = 1, .number = 2}, start, Verdict::passed, CheckKind::roll_call));
    EXPECT_EQ(pulse.last_roll_call()->answered(), 1U) << "an old one";
}

TEST(Fleet, AddsUpWhatTheStoreHolds) {
    auto& world = network().world;
    const auto fleet = network().watch->fleet();
    const FleetRecords& records = *fleet->records;
    ASSERT_EQ(records.devices.size(), 5U);
    Micro balance;
    world.store().read([&](Reader& reader) {
        balance = {};
        for (const auto& [device, standing] : reader.standings()) balance += standing.balance;
    });
    EXPECT_EQ(records.balance, balance);
    EXPECT_EQ(records.settled->day, world.settled.back().day.day);
    ASSERT_EQ(records.providers.size(), 2U);
    EXPECT_EQ(records.history.size(), world.closed.size()) << "a point for each closed window";
}

TEST(Fleet, ReadingOnGivesWhatReadingAllGives) {
    simulation::World world{11};
    world.boot();
    world.enrol({simulation::Habit::honest, simulation::Habit::flaky});
    std::shared_ptr<const FleetRecords> step;
    for (int i = 0; i < 9; ++i) {
        world.run_until(world.now() + 50s);
        step = read_records(world.store(), world.schedule(), 1, world.now(), step.get());
    }
    const auto whole = read_records(world.store(), world.schedule(), 1, world.now(), nullptr);
    ASSERT_EQ(step->devices.size(), whole->devices.size());
    for (std::size_t i = 0; i < whole->devices.size(); ++i) {
        EXPECT_EQ(step->devices[i].counted_30d, whole->devices[i].counted_30d);
        EXPECT_EQ(step->devices[i].due_30d, whole->devices[i].due_30d);
        EXPECT_EQ(step->devices[i].up_run, whole->devices[i].up_run);
        EXPECT_EQ(step->devices[i].today, whole->devices[i].today);
        EXPECT_EQ(step->devices[i].credit_so_far, whole->devices[i].credit_so_far);
    }
    ASSERT_EQ(step->history.size(), whole->history.size());
    for (std::size_t i = 0; i < whole->history.size(); ++i) {
        EXPECT_EQ(step->history[i].at, whole->history[i].at);
        EXPECT_EQ(step->history[i].rate.value, whole->history[i].rate.value);
    }
}

TEST(Fleet, CreditSoFarIsTheDaysCreditOnceAllWindowsAreClosed) {
    simulation::World world{12};
    world.boot();
    world.enrol({simulation::Habit::honest});
    world.run_until(world.calendar().span(world.calendar().day_at(world.now()) + 2).begin - 1ms);
    const DayIndex day = world.calendar().day_at(world.now());
    // The last window is still open: it is counted as missed.
    const auto before = read_records(world.store(), world.schedule(), 1, world.now(), nullptr);
    world.run_until(world.now() + 3s);
    std::optional<DayRecord> settled;
    world.store().read([&](Reader& reader) { settled = reader.day(world.device(0), day); });
    ASSERT_TRUE(settled);
    EXPECT_LE(before->devices[0].credit_so_far, settled->credit);
    EXPECT_GT(before->devices[0].credit_so_far, Micro{});
}

TEST(Fleet, StatesFollowTheChecks) {
    simulation::World world{13};
    world.boot();
    world.enrol({simulation::Habit::honest});
    world.run_until(world.now() + 60s);
    const auto records = read_records(world.store(), world.schedule(), 1, world.now(), nullptr);
    const auto last = last_fleet_check(world.schedule(), world.now());
    ASSERT_TRUE(last);
    const auto state = [&](std::optional<Instant> passed) {
        Pulse pulse;
        if (passed)
            pulse.note(verdict(world.device(0), *passed, Verdict::passed, CheckKind::hourly));
        return fleet_at(records, world.now(), world.schedule(), pulse, 1)->states.at(0);
    };
    EXPECT_EQ(state(last->start), State::online);
    EXPECT_EQ(state(last->start - 1ms), State::suspect);
    EXPECT_EQ(state(last->start - world.calendar().window_length() - 1ms), State::offline);
    EXPECT_EQ(state({}), State::offline);
}

}  // namespace
}  // namespace vigil::verifier::web
