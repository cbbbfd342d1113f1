#include <gtest/gtest.h>

#include "core/uptime/availability.hpp"
#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;

/// Commits nothing between two moments: whoever tries then waits for the end.
class StallingStore final : public Store {
public:
    explicit StallingStore(World& world) : world_{world} {}
    void write(const std::function<void(Transaction&)>& work) override {
        if (world_.now() >= from && world_.now() < until) {
            world_.jump_to(until);
            ++stalled;
        }
        world_.store().write(work);
    }
    void read(const std::function<void(Reader&)>& work) override { world_.store().read(work); }
    void await_writers() override { world_.store().await_writers(); }
    bool writes_across_buckets() const override { return world_.store().writes_across_buckets(); }
    Health health() override { return world_.store().health(); }
    Instant from, until;
    int stalled = 0;

private:
    World& world_;
};

/// Whether a check is void that began and ended while nothing could be committed for `length`,
/// `after` the last heartbeat.
bool voids(Milliseconds after, Milliseconds length) {
    World world{1};
    StallingStore store{world};
    world.boot();
    Roster roster{store};
    Schedule schedule{store};
    TimelineHooks hooks;
    hooks.draw = [] { return DayKey{}; };
    hooks.passed = [&world] { return world.now().time_since_epoch(); };
    Timeline timeline{store, roster, schedule, {}, {.holder = World::alone}, hooks};
    const auto run_until = [&](Instant end) {
        while (world.now() < end) {
            const Instant next = timeline.keep_books(world.now());
            world.jump_to(std::max(world.now(), std::min(next, end)));
        }
    };
    const auto heartbeats = [&] {
        std::vector<Instant> beats;
        world.store().read([&](Reader& r) { beats = r.heartbeats(Instant{}, world.now()); });
        return beats;
    };
    run_until(world.now() + 25s);
    store.from = heartbeats().back() + after;
    store.until = store.from + length;
    run_until(store.until + 25s);
    EXPECT_EQ(store.stalled, 1) << "else this is no test";
    const Instant middle = store.from + length / 2;
    return verifier_fault(heartbeats(), middle - 2s, middle + 2s).has_value();
}

/// The heartbeat that waited for the end of an outage claimed its begin, so that up to ten seconds
/// of it were no gap.
TEST(Heartbeat, WhatWasNotCommittedForOverHalfAMinuteIsAGapWheneverItBegan) {
    for (Milliseconds after = 0ms; after <= 10s; after += 250ms) {
        EXPECT_TRUE(voids(after, heartbeat_gap_max + 1ms)) << after.count() << " ms after";
        EXPECT_FALSE(voids(after, heartbeat_gap_max - heartbeat_every - 1ms))
            << after.count() << " ms after";
    }
}

}  // namespace
}  // namespace vigil::verifier::simulation
