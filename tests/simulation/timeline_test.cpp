#include "verifier/timeline.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/books.hpp"
#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::IsEmpty;
using testing::SizeIs;

struct Rows {
    std::vector<CheckRow> checks;
    std::vector<WindowRecord> windows;
};

Rows rows_of(World& world, WindowIndex window) {
    Rows rows;
    world.store().read([&](Reader& reader) {
        rows = {};
        rows.checks = reader.verdicts_of(window);
        for (WindowRecord& record : reader.windows_of(world.calendar().day_of(window), 6))
            if (record.window == window) rows.windows.push_back(std::move(record));
    });
    return rows;
}

std::vector<DayKeyRecord> day_keys(World& world) {
    std::vector<DayKeyRecord> keys;
    world.store().read([&](Reader& reader) { keys = reader.day_keys({0}, 1'000); });
    return keys;
}

std::vector<Habit> all_honest(std::size_t count) {
    return std::vector<Habit>(count, Habit::honest);
}

TEST(Timeline, CommitsKeysADayAheadAndRevealsThemAfterTheirDay) {
    World world{1};
    world.boot();
    world.enrol({Habit::honest});
    const DayIndex first = world.calendar().day_at(world.now());
    world.run_until(world.calendar().span(first + 2).begin + 10s);
    const auto keys = day_keys(world);
    ASSERT_THAT(keys, SizeIs(5));
    for (const DayKeyRecord& key : keys) {
        if (key.day > first + 1) {
            EXPECT_LE(key.committed, world.calendar().span(key.day - 1).begin);
        }
        EXPECT_EQ(key.revealed.has_value(), key.day < first + 2);
        if (key.revealed) {
            EXPECT_GE(*key.revealed, world.calendar().span(key.day).end);
        }
    }
}

TEST(Timeline, HeartbeatsComeEveryTenSecondsWhileServing) {
    World world{2};
    world.boot();
    world.run_until(world.now() + 200s);
    std::vector<Instant> beats;
    world.store().read([&](Reader& reader) { beats = reader.heartbeats(Instant{}, world.now()); });
    ASSERT_GE(beats.size(), 20U);
    for (std::size_t i = 1; i < beats.size(); ++i) EXPECT_LE(beats[i] - beats[i - 1], 10s);
}

TEST(Timeline, ADeviceEnrolledWithinAWindowCountsFromTheNextOn) {
    World world{3};
    world.boot();
    const WindowIndex first = world.calendar().window_at(world.now());
    world.run_until(world.calendar().span(first).begin + 3s);
    world.enrol({Habit::honest});
    world.run_until(world.calendar().span(first + 2).end + 1s);
    const auto enrolled_in = rows_of(world, first).windows;
    ASSERT_THAT(enrolled_in, SizeIs(1));
    EXPECT_EQ(enrolled_in[0].outcome, WindowOutcome::unenrolled);
    EXPECT_EQ(rows_of(world, first + 1).windows.at(0).outcome, WindowOutcome::complete);
}

TEST(Timeline, ARetiredDeviceIsCheckedUntilItsDayComes) {
    World world{4};
    world.boot();
    const std::size_t device = world.enrol({Habit::honest, Habit::honest});
    const DayIndex today = world.calendar().day_at(world.now());
    world.retire(device);
    world.run_until(world.calendar().span(today + 3).begin + 5s);
    const auto before = rows_of(world, world.calendar().first_window(today + 2) - 1).windows;
    const auto after = rows_of(world, world.calendar().first_window(today + 2)).windows;
    ASSERT_THAT(after, SizeIs(2));
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_NE(before[i].outcome, WindowOutcome::unenrolled);
        const bool retired = after[i].device == world.device(device);
        EXPECT_EQ(after[i].outcome == WindowOutcome::unenrolled, retired);
    }
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Timeline, ADeviceThatComesBackCountsFromTheNextWindowOnAndOwesNothingBefore) {
    World world{4};
    world.boot();
    const std::size_t device = world.enrol({Habit::honest, Habit::honest});
    const DayIndex today = world.calendar().day_at(world.now());
    world.retire(device);
    const DayIndex back = today + 3;
    const WindowIndex window = world.calendar().first_window(back) + 2;
    const Instant again = world.calendar().span(window).begin + 15s;
    world.at(again, [&] { world.enrol_again(device); });
    world.run_until(world.calendar().span(back + 1).end + 5s);

    const auto of = [&](WindowIndex w) {
        for (const WindowRecord& record : rows_of(world, w).windows)
            if (record.device == world.device(device)) return record.outcome;
        return WindowOutcome::busy;
    };
    EXPECT_EQ(of(window - 1), WindowOutcome::unenrolled);
    EXPECT_EQ(of(window), WindowOutcome::unenrolled);
    EXPECT_EQ(of(window + 1), WindowOutcome::complete);
    for (const WindowIndex before : {window - 1, window})
        for (const CheckRow& row : rows_of(world, before).checks) {
            const bool ours = row.verdict.claim.device == world.device(device);
            EXPECT_TRUE(!ours || row.verdict.start >= again);
        }
    EXPECT_EQ(world.roster().device(world.device(device))->active_from, again);
    EXPECT_LT(world.roster().device(world.device(device))->enrolled, again);
}

TEST(Timeline, ADeviceThatComesBackBeforeItsRetirementTakesEffectNeverWasAway) {
    World world{4};
    world.boot();
    const std::size_t device = world.enrol({Habit::honest});
    const DayIndex today = world.calendar().day_at(world.now());
    world.retire(device);
    world.run_until(world.calendar().span(today + 1).begin + 30s);
    world.enrol_again(device);
    const auto known = world.roster().device(world.device(device));
    EXPECT_EQ(known->active_from, known->enrolled);
    EXPECT_FALSE(known->retired_from);
}

TEST(Timeline, ADayOfComingBackWithoutACompleteWindowIsExcused) {
    bool judged_incomplete = false;
    for (std::uint64_t seed = 1; seed < 20 && !judged_incomplete; ++seed) {
        World world{seed};
        world.boot();
        const std::size_t device = world.enrol({Habit::honest});
        const DayIndex back = world.calendar().day_at(world.now()) + 3;
        world.retire(device);
        // One window is left of the day, and in seven of ten blackouts nothing answers.
        const WindowIndex last = world.calendar().first_window(back + 1) - 1;
        world.at(world.calendar().span(last).begin - 1s, [&] { world.enrol_again(device); });
        world.blackout = [&](WindowIndex window) { return window == last; };
        world.run_until(world.calendar().span(back).end + 5s);
        if (rows_of(world, last).windows.at(0).outcome != WindowOutcome::incomplete) continue;
        judged_incomplete = true;
        world.store().read([&](Reader& reader) {
            EXPECT_EQ(reader.day(world.device(device), back)->outcome, DayOutcome::excused);
        });
    }
    EXPECT_TRUE(judged_incomplete);
}

TEST(Timeline, ACalibrationJudgesTheWindowsThatBeginAfterIt) {
    World world{7};
    world.boot();
    // A window with checks after its roll call, so that no roll call becomes the baseline.
    WindowIndex first = world.calendar().window_at(world.now()) + 1;
    while (world.schedule().plan(first)->fleet.back().kind == CheckKind::roll_call) ++first;
    for (const FleetCheck& check : world.schedule().plan(first)->fleet)
        if (check.kind == CheckKind::roll_call) world.run_until(check.deadline + 1ms);
    const std::size_t device = world.enrol({Habit::honest});
    world.run_until(world.calendar().span(first + 1).end + 1s);
    std::uint64_t calibrated = 0;
    world.store().read([&](Reader& reader) {
        for (const CheckRow& row : reader.calibration_verdicts_of(first))
            calibrated = row.verdict.judgement.rate;
    });
    ASSERT_GT(calibrated, 0U);
    for (const WindowIndex window : {first, first + 1}) {
        const auto checks = rows_of(world, window).checks;
        ASSERT_FALSE(checks.empty());
        for (const CheckRow& row : checks) {
            EXPECT_EQ(row.verdict.claim.device, world.device(device));
            EXPECT_EQ(row.verdict.judgement.baseline, window == first ? 0U : calibrated);
        }
    }
}

TEST(Timeline, AnAnswerThatCannotBeJudgedIsNamed) {
    World world{8};
    world.boot();
    const std::size_t device = world.enrol({Habit::honest});
    const WindowIndex window = world.calendar().window_at(world.now());
    const Answer answer{{Proof{world.device_id(device), {}, {1, 2, 3}, 3}}};
    AnswerRecord record;
    record.node = {world.device(device).bucket, 1};
    record.received = world.now();
    record.signed_bytes = signed_bytes(world.schedule().network(), answer);
    record.id = answer_id(record.signed_bytes);
    record.claims = {
        {.device = world.device(device), .window = window, .kind = CheckKind::spot, .ref = 77}};
    world.store().write([&](Transaction& tx) { tx.record(record); });
    try {
        world.run_until(world.calendar().span(window).end + 2s);
        FAIL() << "the window was closed over an answer that was not judged";
    } catch (const StoreFailed& failure) {
        EXPECT_THAT(failure.what(), testing::HasSubstr("answer " + to_hex(record.id)));
        EXPECT_THAT(failure.what(), testing::HasSubstr("restore"));
    }
}

TEST(Timeline, ACalibrationWithoutAVerdictBlocksNoClosing) {
    World world{9};
    world.boot();
    const std::size_t device = world.enrol({Habit::honest});
    const WindowIndex window = world.calendar().window_at(world.now());
    const Answer answer{{Proof{world.device_id(device), {}, {1, 2, 3}, 3}}};
    AnswerRecord record;
    record.node = {world.device(device).bucket, 1};
    record.received = world.now();
    record.signed_bytes = signed_bytes(world.schedule().network(), answer);
    record.id = answer_id(record.signed_bytes);
    record.claims = {{.device = world.device(device),
                      .window = window,
                      .kind = CheckKind::calibration,
                      .ref = 99}};
    world.store().write([&](Transaction& tx) { tx.record(record); });
    world.run_until(world.calendar().span(window).end + 2s);
    EXPECT_EQ(world.timeline().last_closed(), window);
}

TEST(Timeline, DowntimeVoidsItsChecksAndNoWindowIsSkipped) {
    World world{5};
    world.boot();
    world.enrol(all_honest(3));
    const WindowIndex first = world.calendar().window_at(world.now());
    world.run_until(world.calendar().span(first + 3).begin + 1s);
    world.shut_down();
    world.run_until(world.calendar().span(first + 6).begin + 1s);
    world.boot();
    world.run_until(world.calendar().span(first + 8).end + 1s);
    for (std::size_t i = 0; i < world.closed.size(); ++i)
        EXPECT_EQ(world.closed[i], first + static_cast<std::int64_t>(i));
    for (const WindowIndex window : {first + 4, first + 5}) {
        const Rows rows = rows_of(world, window);
        EXPECT_THAT(rows.windows, SizeIs(3));
        for (const WindowRecord& record : rows.windows)
            EXPECT_EQ(record.outcome, WindowOutcome::voided) << record.reason;
        for (const CheckRow& row : rows.checks) EXPECT_EQ(row.final_verdict(), Verdict::voided);
    }
    EXPECT_EQ(rows_of(world, first + 8).windows.at(0).outcome, WindowOutcome::complete);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Timeline, DaysWithoutAKeyAreVoidAndExcused) {
    World world{6};
    world.boot();
    world.enrol(all_honest(2));
    const DayIndex first = world.calendar().day_at(world.now());
    world.run_until(world.calendar().span(first).end + 5s);
    world.shut_down();
    world.run_until(world.calendar().span(first + 8).begin + 5s);
    world.boot();
    world.run_until(world.calendar().span(first + 9).begin + 5s);
    const Rows rows = rows_of(world, world.calendar().first_window(first + 5) + 2);
    EXPECT_THAT(rows.checks, IsEmpty());
    ASSERT_THAT(rows.windows, SizeIs(2));
    EXPECT_EQ(rows.windows[0].outcome, WindowOutcome::voided);
    EXPECT_THAT(rows.windows[0].reason, testing::HasSubstr("no key of day"));
    ASSERT_THAT(world.settled, SizeIs(9));
    for (const DayRecord& record : world.days_written) {
        if (record.day != world.settled[5].day.day) continue;
        EXPECT_EQ(record.outcome, DayOutcome::excused);
    }
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Timeline, AFleetThatVanishesIsExcusedOnceNotForEver) {
    World world{7};
    world.boot();
    for (int i = 0; i < 8; ++i) world.enrol(all_honest(3));
    const WindowIndex first = world.calendar().window_at(world.now());
    const WindowIndex dark = first + 3;
    world.blackout = [dark](WindowIndex window) { return window >= dark; };
    world.run_until(world.calendar().span(dark + 1).end + 1s);
    std::size_t voided = 0;
    std::size_t missed = 0;
    for (const WindowIndex window : {dark, dark + 1})
        for (const CheckRow& row : rows_of(world, window).checks) {
            if (row.verdict.claim.kind == CheckKind::spot) continue;
            voided += row.voided.has_value();
            missed += row.final_verdict() == Verdict::missed;
        }
    EXPECT_GT(voided, 10U);
    EXPECT_LT(voided, 25U) << "one fleet check of 24 devices";
    EXPECT_GT(missed, 60U);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Timeline, ABackwardStepOfTheClockStartsNothingTwiceInTheRecord) {
    World world{8};
    world.boot();
    world.enrol(all_honest(2));
    const WindowIndex first = world.calendar().window_at(world.now());
    world.run_until(world.calendar().span(first + 2).begin + 12s);
    world.jump_to(world.now() - 5s);
    world.boot();
    world.run_until(world.calendar().span(first + 4).end + 1s);
    EXPECT_EQ(world.closed.size(), 5U);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

/// A store that fails on demand, as a full disk does.
class FailingStore final : public Store {
public:
    explicit FailingStore(Store& store) : store_{store} {}
    void write(const std::function<void(Transaction&)>& work) override {
        if (failing) throw StoreFailed{"disk full"};
        store_.write(work);
    }
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return store_.writes_across_buckets(); }
    Health health() override { return store_.health(); }
    bool failing = false;

private:
    Store& store_;
};

TEST(Timeline, AStoreThatFailsDelaysButSkipsNothing) {
    World world{9};
    world.boot();
    world.enrol(all_honest(2));
    FailingStore store{world.store()};
    Roster roster{store};
    Schedule schedule{store};
    std::vector<WindowIndex> closed;
    std::vector<SlotIndex> started;
    TimelineHooks hooks;
    hooks.draw = [] { return DayKey{}; };
    hooks.window_closed = [&](const WindowClosing& c) { closed.push_back(c.window); };
    Outlets outlets;
    outlets.fleet_check = [&](const WindowPlan&, const FleetCheck& check) {
        started.push_back(check.slot);
    };
    Timeline timeline{store, roster, schedule, outlets, {.holder = World::alone}, hooks};
    const WindowIndex first = world.calendar().window_at(world.now());
    const Instant begin = world.now();
    int failures = 0;
    for (Instant now = begin; now < begin + 400s; now += 500ms) {
        store.failing = now > begin + 90s && now < begin + 250s;
        timeline.start_checks(now);
        try {
            while (timeline.keep_books(now) <= now) {
            }
        } catch (const StoreFailed&) {
            ++failures;
        }
    }
    EXPECT_GT(failures, 100);
    EXPECT_GE(closed.size(), 19U);
    for (std::size_t i = 0; i < closed.size(); ++i)
        EXPECT_EQ(closed[i], first + static_cast<std::int64_t>(i));
    for (std::size_t i = 1; i < started.size(); ++i) EXPECT_EQ(started[i], started[i - 1] + 1);
    EXPECT_GE(started.size(), 79U);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Timeline, ItSaysWhenItWantsToBeCalledAgain) {
    World world{10};
    world.boot();
    world.enrol({Habit::honest});
    std::vector<Milliseconds> lags;
    TimelineHooks hooks;
    hooks.draw = [] { return DayKey{}; };
    hooks.check_started = [&](Milliseconds lag) { lags.push_back(lag); };
    Timeline timeline{world.store(), world.roster(), world.schedule(), {}, {}, hooks};
    Instant now = world.now();
    const Instant end = now + 240s;
    int calls = 0;
    while (now < end) {
        const Instant next = timeline.advance_to(now);
        now = std::max(next, now);
        ++calls;
    }
    EXPECT_THAT(lags, Each(0ms));
    EXPECT_GE(lags.size(), 48U);
    EXPECT_LT(calls, 200) << "woken up for nothing";
}

}  // namespace
}  // namespace vigil::verifier::simulation
