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

}  // namespace
}  // namespace vigil::verifier::simulation
