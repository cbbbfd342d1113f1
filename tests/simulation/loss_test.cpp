// What a timeline makes of a store that lost rows while it went on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/books.hpp"
#include "tests/simulation/changing_store.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::enrol;

/// A verifier alone on a store, in steps of 100 ms.
struct Keeper {
    explicit Keeper(Store& store, Outlets outlets = {})
        : roster{store}, schedule{store}, timeline{store,
                                                   roster,
                                                   schedule,
                                                   std::move(outlets),
                                                   {.holder = World::alone},
                                                   hooks()} {}

    static TimelineHooks hooks() {
        TimelineHooks hooks;
        hooks.draw = [] { return DayKey{}; };
        return hooks;
    }

    /// Returns how many failures were told.
    int go_on(Instant end) {
        int failures = 0;
        for (; now < end; now += 100ms) {
            try {
                while (timeline.advance_to(now) <= now) {
                }
            } catch (const StoreFailed&) {
                ++failures;
            }
        }
        return failures;
    }

    Roster roster;
    Schedule schedule;
    Timeline timeline;
    Instant now = at(0);
};

TEST(Loss, IsSaidThoughWhoeverServesANodeFoundItFirst) {
    ChangingStore store;
    enrol(store, 7, 1);
    enrol(store, 7, 2);
    Keeper keeper{store};
    store.now = founded_store();
    enrol(store, 7, 1);
    EXPECT_NO_THROW(keeper.roster.follow()) << "the node would be refused";
    EXPECT_THROW(keeper.timeline.follow(at(0)), StoreFailed) << "nobody would hear of it";
    EXPECT_NO_THROW(keeper.timeline.follow(at(0)));
}

// It was deaf to what the store lacked, and closed nothing more until it was started again.
TEST(Loss, OfClosedWindowsIsMadeUpForInOrder) {
    ChangingStore store;
    auto earlier = founded_store();
    enrol(store, 7, 1);
    enrol(*earlier, 7, 1);
    EXPECT_EQ(Keeper{*earlier}.go_on(at(70'000)), 0);
    Keeper keeper{store};
    EXPECT_EQ(keeper.go_on(at(200'000)), 0);
    const auto before = keeper.timeline.last_closed();
    const auto settled = keeper.timeline.last_settled();
    ASSERT_TRUE(before && settled);

    store.now = std::move(earlier);
    keeper.go_on(at(300'000));
    EXPECT_EQ(keeper.timeline.last_closed(), *before + 5);
    EXPECT_EQ(keeper.timeline.last_settled(), *settled + 1);
    EXPECT_THAT(audit(store), testing::IsEmpty());
}

// Starts were kept by the devices' numbers, which others had after the loss.
TEST(Loss, SpotChecksStartForWhoeverHasTheNumberNow) {
    constexpr Instant lost = at(25'000), end = at(60'000);
    ChangingStore store;
    auto other = founded_store();
    for (std::uint64_t n = 1; n <= 20; ++n) enrol(store, 7, n);
    std::vector<DeviceId> others;
    for (std::uint64_t n = 101; n <= 121; ++n) others.push_back(enrol(*other, 7, n).devices[0].id);
    Keeper{*other}.go_on(at(1));

    Instant now = at(0);
    std::map<std::pair<DeviceId, Instant>, Instant> started;
    Outlets outlets;
    outlets.device_check = [&](const RosterDevice& device, const ScheduledCheck& check,
                               const CheckRule&) {
        started.emplace(std::pair{device.id, check.check.start}, now);
    };
    Keeper keeper{store, std::move(outlets)};
    keeper.timeline.keep_books(now);  // draws the keys
    for (; now < end; now += 100ms) {
        if (now == lost) {
            store.now = std::move(other);
            keeper.roster.follow();
        }
        keeper.timeline.start_checks(now);
    }
    int expected = 0;
    const Calendar calendar{small_policy()};
    for (const WindowIndex window : {calendar.window_at(lost), calendar.window_at(lost) + 1})
        for (const DeviceId& id : others)
            for (const ScheduledCheck& check : keeper.schedule.spot_checks_of(
                     *keeper.roster.device(id), *keeper.schedule.plan(window))) {
                const Instant start = check.check.start;
                if (start <= lost) continue;
                const auto found = started.find({id, start});
                ASSERT_NE(found, started.end()) << "never started";
                EXPECT_GE(found->second, start);
                EXPECT_LT(found->second, start + 100ms);
                ++expected;
            }
    EXPECT_GT(expected, 10);
}

}  // namespace
}  // namespace vigil::verifier::simulation
