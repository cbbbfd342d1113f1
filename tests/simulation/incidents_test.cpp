#include "verifier/incidents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "tests/simulation/world.hpp"
#include "verifier/incident_notices.hpp"

namespace vigil::verifier::simulation {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint32_t open_after = 2;

std::set<DeviceRef> refs(const std::vector<DeviceIncident>& named) {
    std::set<DeviceRef> out;
    for (const DeviceIncident& one : named) out.insert(one.device);
    return out;
}

/// Windows missed in a row at the end of this one, by the plain reading of each device's rows.
std::map<DeviceRef, std::uint32_t> runs_at(World& world, WindowIndex end) {
    std::map<DeviceRef, std::uint32_t> runs;
    world.store().read([&](Reader& reader) {
        for (std::size_t i = 0; i < world.device_count(); ++i) {
            for (const WindowRecord& window :
                 reader.windows(world.device(i), {.before = end.value + 1, .limit = 1'000})) {
                if (window.outcome == WindowOutcome::complete ||
                    window.outcome == WindowOutcome::unenrolled)
                    break;
                if (window.outcome == WindowOutcome::incomplete) ++runs[world.device(i)];
            }
        }
    });
    return runs;
}

struct Incidents : ::testing::Test {
    World world{11};
    Incidents() {
        world.boot();
        for (int i = 0; i < 4; ++i)
            world.enrol({Habit::honest, Habit::lazy, Habit::flaky, Habit::honest});
        world.run_until(world.calendar().span(world.calendar().day_at(world.now()) + 4).begin +
                        std::chrono::seconds{5});
    }
};

TEST_F(Incidents, AreTheRunsThatTheRecordHolds) {
    ASSERT_THAT(world.closed, SizeIs(testing::Ge(20)));
    DeviceIncidents incidents{world.store(), world.schedule(), open_after};
    std::set<DeviceRef> open;
    std::size_t opened = 0, recovered = 0;
    for (const WindowIndex window : world.closed) {
        const IncidentReport report = incidents.follow(window);
        const auto runs = runs_at(world, window);
        for (const DeviceIncident& one : report.opened_named) {
            EXPECT_TRUE(open.insert(one.device).second) << "told twice";
            EXPECT_EQ(one.windows, runs.at(one.device));
        }
        for (const DeviceIncident& one : report.recovered_named) {
            EXPECT_EQ(open.erase(one.device), 1U) << "was never told";
            EXPECT_FALSE(runs.contains(one.device));
        }
        std::set<DeviceRef> expected;
        for (const auto& [device, run] : runs)
            if (run >= open_after) expected.insert(device);
        EXPECT_EQ(open, expected) << "window " << window.value;
        EXPECT_EQ(report.open, expected.size());
        opened += report.opened;
        recovered += report.recovered;
    }
    EXPECT_GE(opened, 4U) << "the lazy ones at least";
    EXPECT_GE(recovered, 1U) << "a flaky one comes back";
}

TEST_F(Incidents, ARestartKnowsWhatIsOpenAndTellsItOnce) {
    DeviceIncidents whole{world.store(), world.schedule(), open_after};
    IncidentReport before;
    for (std::size_t i = 0; i + 1 < world.closed.size(); ++i)
        before = whole.follow(world.closed[i]);
    const IncidentReport expected = whole.follow(world.closed.back());
    DeviceIncidents fresh{world.store(), world.schedule(), open_after};
    const IncidentReport found = fresh.follow(world.closed.back());
    EXPECT_EQ(refs(found.opened_named), refs(expected.opened_named));
    EXPECT_EQ(refs(found.recovered_named), refs(expected.recovered_named));
    EXPECT_EQ(refs(found.open_named), refs(expected.open_named));
    EXPECT_EQ(found.open, expected.open);
    EXPECT_EQ(found.devices, 16U);
    ASSERT_EQ(found.open_named.size(), expected.open_named.size());
    for (std::size_t i = 0; i < found.open_named.size(); ++i) {
        const DeviceIncident &own = found.open_named[i], &told = expected.open_named[i];
        EXPECT_TRUE(own.since == told.since || (own.or_longer && own.since > told.since));
        EXPECT_EQ(own.windows == told.windows, own.since == told.since);
    }
    EXPECT_EQ(fresh.follow(world.closed.back()).opened, 0U);
}

TEST_F(Incidents, WhatAnotherVerifierToldIsLearnedWithoutNews) {
    DeviceIncidents every{world.store(), world.schedule(), open_after};
    DeviceIncidents paused{world.store(), world.schedule(), open_after};
    const std::size_t half = world.closed.size() / 2;
    std::size_t told_meanwhile = 0;
    IncidentReport all;
    for (std::size_t i = 0; i < world.closed.size(); ++i) {
        all = every.follow(world.closed[i]);
        if (i < half) paused.follow(world.closed[i]);
        if (i >= half) told_meanwhile += all.opened + all.recovered;
    }
    ASSERT_GT(told_meanwhile, all.opened + all.recovered);
    const IncidentReport again = paused.follow(world.closed.back(), world.closed.back());
    EXPECT_EQ(refs(again.opened_named), refs(all.opened_named));
    EXPECT_EQ(refs(again.recovered_named), refs(all.recovered_named));
    EXPECT_EQ(refs(again.open_named), refs(all.open_named));
}

TEST_F(Incidents, TellWhatTheyHaveCost) {
    DeviceIncidents incidents{world.store(), world.schedule(), open_after};
    std::size_t costly = 0;
    for (const WindowIndex window : world.closed) {
        const IncidentReport report = incidents.follow(window);
        for (const DeviceIncident& one : report.open_named) {
            std::uint32_t down = 0, grace = 0;
            Micro slashed;
            world.store().read([&](Reader& reader) {
                for (const DayRecord& day : reader.days(one.device, {}))
                    if (day.day >= world.calendar().day_at(one.since)) {
                        down += day.outcome == DayOutcome::down ? 1 : 0;
                        grace += day.grace_used ? 1 : 0;
                        slashed += day.slashed;
                    }
            });
            EXPECT_EQ(one.down_days, down);
            EXPECT_EQ(one.grace_days, grace);
            EXPECT_EQ(one.slashed, slashed);
            EXPECT_EQ(one.id, world.roster().device(one.device)->id);
            costly += down > 0 ? 1 : 0;
        }
        const auto daily = notice_going_on(report, {7}, "verifier of mynet", world.now());
        EXPECT_EQ(daily.has_value(), report.open > 0);
        if (daily) {
            EXPECT_THAT(daily->lines, Contains(HasSubstr("credits slashed")));
        }
    }
    EXPECT_GE(costly, 1U) << "some incident costs a day";
}

TEST_F(Incidents, OfARetiredDeviceEndWithoutNews) {
    DeviceIncidents incidents{world.store(), world.schedule(), open_after};
    IncidentReport report;
    for (const WindowIndex window : world.closed) report = incidents.follow(window);
    ASSERT_GE(report.open, 1U);
    const DeviceRef own = report.open_named.front().device;
    std::size_t number = 0;
    while (world.device(number) != own) ++number;
    const DayIndex today = world.calendar().day_at(world.now());
    const std::size_t before = world.closed.size();
    world.retire(number);
    world.run_until(world.calendar().span(today + 5).begin);
    bool recovered_later = false;
    for (std::size_t i = before; i < world.closed.size(); ++i) {
        report = incidents.follow(world.closed[i]);
        if (world.calendar().day_of(world.closed[i]) >= today + 2)
            recovered_later = recovered_later || refs(report.recovered_named).contains(own);
    }
    EXPECT_FALSE(recovered_later);
    EXPECT_FALSE(refs(report.open_named).contains(own));
    EXPECT_EQ(report.devices, 15U);
}

DeviceIncident incident(int number) {
    DeviceIncident one{.device = {1, number},
                       .id = {},
                       .windows = 3,
                       .since = instant_from_ms(0),
                       .or_longer = false,
                       .slashed = Micro{2'500'000},
                       .down_days = 1,
                       .grace_days = 0};
    one.id.bytes[0] = static_cast<std::uint8_t>(number);
    return one;
}

TEST(IncidentNotices, AreAtMostTwoAWindowAndNameTheFirstFew) {
    IncidentReport report;
    report.window = {41};
    const Instant now = instant_from_ms(7'200'000);
    EXPECT_TRUE(notices_of(report, "verifier", now).empty());
    EXPECT_FALSE(notice_going_on(report, {1}, "verifier", now));
    report.opened = 500;
    report.recovered = 1;
    report.open = 501;
    report.devices = 900;
    for (int i = 0; i < 10; ++i) report.opened_named.push_back(incident(i));
    report.recovered_named = {incident(77)};
    const auto notices = notices_of(report, "verifier of mynet", now);
    ASSERT_THAT(notices, SizeIs(2));
    EXPECT_EQ(notices[0].title, "500 devices miss windows");
    EXPECT_THAT(notices[0].lines.front(), HasSubstr("most of the network at once"));
    EXPECT_THAT(notices[0].lines, Contains("and 490 more"));
    EXPECT_THAT(notices[0].lines, Contains("open now: 501 of 900 devices"));
    EXPECT_EQ(notices[1].title, "over: 1 device is back");
    EXPECT_EQ(notices[1].kind, edge::Notice::Kind::recovered);
    EXPECT_EQ(notices[1].lines.front(),
              "4d00000000000000: 3 windows missed in a row since 1970-01-01 00:00 UTC (2 h 0 min); "
              "so far 1 day down, 0 days grace used, 2.500000 credits slashed");
}

}  // namespace
}  // namespace vigil::verifier::simulation
