#include <array>
#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <thread>

#include "tests/simulation/books.hpp"
#include "tests/simulation/world.hpp"
#include "tests/store/private_postgres.hpp"
#include "verifier/store/postgres_store.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t days_simulated = 12;
constexpr std::int64_t days_on_postgres = 2;
constexpr std::size_t verifiers = 3;

enum class Fate : std::uint8_t { alone, together, dying, pausing, rolling, cut_off };

struct Outcome {
    std::vector<std::string> hashes;  ///< of the settled days
    std::vector<WindowIndex> closed;  ///< in the order of closing, by whomever
    std::vector<std::string> differences;
    std::uint64_t taken{}, lost{};
};

/// The same nodes with the same answers; what differs is the fate of the verifiers. One of them is
/// always there.
Outcome live_through(std::uint64_t seed, Fate fate, std::int64_t days = days_simulated,
                     const World::OpenStore& open = {}) {
    World world{seed, small_policy(), fate == Fate::alone ? 1 : verifiers, open};
    const Instant begin = world.now();
    const Instant end = begin + days * world.policy().day;
    std::mt19937_64 random{seed};
    const auto up_to = [&](Milliseconds most) {
        return Milliseconds{
            static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most.count()))};
    };
    for (std::size_t i = 0; i < (fate == Fate::alone ? 1 : verifiers); ++i) world.boot(i);
    for (int i = 0; i < 5; ++i)
        world.enrol({Habit::honest, i % 2 ? Habit::flaky : Habit::late, Habit::honest});
    for (int i = 0; i < 6; ++i)
        world.at(begin + up_to(end - begin),
                 [&world, i] { world.enrol({i % 2 ? Habit::honest : Habit::flaky}); });
    world.at(begin + up_to(end - begin), [&world] { world.retire(1); });
    world.at(begin + world.policy().day, [&world] { world.retire(4); });

    // Drawn last, so that everything else is the same. Verifier 0 rests while 1 or 2 is away and
    // the other way round, so that somebody always serves.
    Instant at = begin + 30s;
    while (fate != Fate::alone && fate != Fate::together && at < end) {
        const auto who = static_cast<std::size_t>(random() % verifiers);
        const Milliseconds away = 1s + up_to(40s);
        switch (fate) {
            case Fate::dying:
                world.at(at, [&world, who] { world.shut_down(who); });
                world.at(at + away, [&world, who] { world.boot(who); });
                break;
            case Fate::pausing:
                world.at(at, [&world, who] { world.pause(who); });
                world.at(at + away, [&world, who] { world.go_on(who); });
                break;
            case Fate::cut_off:
                world.at(at, [&world, who] { world.cut_off(who); });
                world.at(at + away, [&world, who] { world.go_on(who); });
                break;
            case Fate::rolling:
                world.at(at, [&world, who] { world.stop(who); });
                world.at(at + 2s, [&world, who] { world.boot(who); });
                break;
            case Fate::alone:
            case Fate::together:
                break;
        }
        at = at + away + 1s + up_to(20s);
    }
    world.run_until(end + 60s);

    Outcome outcome;
    world.store().read([&](Reader& reader) {
        outcome.hashes.clear();
        for (DayIndex day = world.calendar().day_at(begin); std::ssize(outcome.hashes) < days;
             ++day)
            outcome.hashes.push_back(to_hex(reader.settled_day(day).value().state_hash));
    });
    outcome.closed = world.closed;
    outcome.differences = audit(world.store());
    outcome.taken = world.taken_answers;
    outcome.lost = world.lost_answers;
    return outcome;
}

void expect_each_once_in_order(const std::vector<WindowIndex>& closed) {
    for (std::size_t i = 1; i < closed.size(); ++i) EXPECT_EQ(closed[i], closed[i - 1] + 1);
}

class Replicas : public testing::TestWithParam<Fate> {};

TEST_P(Replicas, KeepTheBooksOfOne) {
    const std::uint64_t seed = seed_from_environment();
    std::printf("VIGIL_SEED=%llu\n", static_cast<unsigned long long>(seed));
    const Outcome alone = live_through(seed, Fate::alone);
    const Outcome several = live_through(seed, GetParam());
    EXPECT_THAT(several.hashes, ElementsAreArray(alone.hashes));
    expect_each_once_in_order(several.closed);
    EXPECT_GE(several.closed.size(), static_cast<std::size_t>(6 * days_simulated));
    EXPECT_THAT(several.differences, IsEmpty());
    // Late ones may meet a window that is still open where another verifier had to take over first.
    EXPECT_EQ(several.taken + several.lost, alone.taken + alone.lost);
    EXPECT_LE(several.lost, alone.lost);
}

std::string fate_name(const testing::TestParamInfo<Fate>& fate) {
    constexpr std::array names{"alone", "together", "dying", "pausing", "rolling", "cut_off"};
    return names.at(static_cast<std::size_t>(fate.param));
}
INSTANTIATE_TEST_SUITE_P(Every, Replicas,
                         testing::Values(Fate::together, Fate::dying, Fate::pausing, Fate::rolling),
                         fate_name);

/// The same on a database of their own, each over connections of its own.
TEST(ReplicasOnPostgres, KeepTheBooksOfOneOnSqlite) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "PostgreSQL is not installed";
    const std::uint64_t seed = seed_from_environment();
    std::printf("VIGIL_SEED=%llu\n", static_cast<unsigned long long>(seed));
    const Outcome alone = live_through(seed, Fate::alone, days_on_postgres);
    for (const Fate fate : {Fate::dying, Fate::pausing}) {
        const std::string uri = server->fresh_schema();
        const Outcome several =
            live_through(seed, fate, days_on_postgres, [&uri](std::function<Instant()> clock) {
                return open_postgres_store(
                    PostgresSettings{.uri = uri, .readers = 2, .clock = std::move(clock)});
            });
        EXPECT_THAT(several.hashes, ElementsAreArray(alone.hashes));
        expect_each_once_in_order(several.closed);
        EXPECT_THAT(several.differences, IsEmpty());
        EXPECT_LE(several.lost, alone.lost);
    }
}

TEST(ReplicasOnPostgres, EnrolmentThatWaitsCostsNeitherNumberNorBooks) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "PostgreSQL is not installed";
    const std::string uri = server->fresh_schema();
    const auto store = open_postgres_store(uri), other = open_postgres_store(uri);
    Replica replica{*store, "well", 60s};
    std::atomic<bool> held{false}, over{false}, enrolled{false};
    auto holding = std::async(std::launch::async, [&] {
        other->write([&](Transaction& tx) {
            while (!over) {  // it would lose the row if it stood still
                tx.hold_enrolments();
                held = true;
                std::this_thread::sleep_for(20ms);
            }
        });
    });
    for (int i = 0; i < 2'000 && !held; ++i) std::this_thread::sleep_for(5ms);
    auto enrolling = std::async(std::launch::async, [&] {
        store->write([](Transaction& tx) { tx.hold_enrolments(); });
        enrolled = true;
    });
    const auto waiting = [&] {
        return server->run("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    };
    for (int i = 0; i < 2'000 && waiting() == "0"; ++i) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(waiting(), "1");
    EXPECT_NO_THROW({
        replica.serve(Instant{});
        EXPECT_TRUE(replica.hold_books());
        replica.books()->write([](Transaction&) {});
        replica.books()->write_redoable([](Transaction&) {});
        store->await_writers();
    });
    EXPECT_FALSE(enrolled);
    EXPECT_EQ(store->health().failures, 0U) << "done while it made way for a moment";
    over = true;
    holding.get();
    enrolling.get();
}

TEST(Replica, OneThatIsCutOffWithAnswersInHandContradictsNothing) {
    const std::uint64_t seed = seed_from_environment();
    std::printf("VIGIL_SEED=%llu\n", static_cast<unsigned long long>(seed));
    const Outcome outcome = live_through(seed, Fate::cut_off);
    expect_each_once_in_order(outcome.closed);
    EXPECT_THAT(outcome.differences, IsEmpty());
    EXPECT_GT(outcome.lost, 0U);
}

// A calibration that was recorded when the window it came in was closed gave audits another
// baseline than the one that had judged, and another state_hash.
TEST(Replica, CalibrationThatWaitedInItsHandsOverASettlementIsRefused) {
    World world{9, small_policy(), 2};
    world.boot(0);
    world.boot(1);
    const DayIndex day = world.calendar().day_at(world.now());
    const Instant end = world.calendar().span(day).end;
    world.run_until(end - 4s);
    for (int i = 0; i < 8; ++i) world.enrol({Habit::honest});
    world.timeline().follow(world.now());
    world.cut_off(0);
    world.run_until(end + 40s);
    world.store().read([&](Reader& reader) { EXPECT_TRUE(reader.settled_day(day)); });
    const std::uint64_t lost = world.lost_answers;
    world.go_on(0);
    EXPECT_GT(world.lost_answers, lost);
    world.run_until(end + 2 * world.policy().day);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

std::vector<LeaseRecord> leases(World& world) {
    std::vector<LeaseRecord> out;
    world.store().read([&](Reader& reader) { out = reader.leases(); });
    return out;
}

std::optional<WindowIndex> last_closed(World& world) {
    std::optional<WindowIndex> out;
    world.store().read([&](Reader& reader) { out = reader.last_closed_window(); });
    return out;
}

TEST(Replica, NoTwoHaveTheSameNumberAndOneKeepsTheBooks) {
    World world{3, small_policy(), 3};
    for (std::size_t i = 0; i < 3; ++i) world.boot(i);
    world.run_until(world.now() + 5s);
    const auto all = leases(world);
    ASSERT_THAT(all, SizeIs(4));
    EXPECT_EQ(all[0].name, "books");
    EXPECT_EQ(all[0].holder, "boot 1");
    for (std::size_t i = 1; i < 4; ++i) {
        EXPECT_EQ(all[i].name, "replica/" + std::to_string(i - 1));
        EXPECT_EQ(all[i].holder, "boot " + std::to_string(i));
    }
}

TEST(Replica, NumberAndBooksOfADeadOneAreTakenWhenTheyExpire) {
    World world{4, small_policy(), 2};
    world.boot(0);
    world.boot(1);
    world.run_until(world.now() + 30s);
    world.shut_down(0);
    world.boot(0);  // at once: its former number is not free yet
    EXPECT_EQ(leases(world).size(), 4U) << "a third number";
    const Instant died = world.now();
    world.run_until(died + 22s);
    for (const LeaseRecord& lease : leases(world))
        if (lease.name == "books") {
            EXPECT_NE(lease.holder, "boot 1");
        }
    world.run_until(died + 60s);
    EXPECT_GE(last_closed(world), world.calendar().window_at(world.now()) - 2);
}

TEST(Replica, OneThatStopsLeavesTheBooksAtOnce) {
    World world{5, small_policy(), 2};
    world.boot(0);
    world.boot(1);
    world.run_until(world.now() + 30s);
    world.stop(0);
    world.run_until(world.now() + 6s);
    EXPECT_EQ(leases(world).at(0).holder, "boot 2");
}

TEST(Replica, PausedFormerHolderClosesNothing) {
    World world{6, small_policy(), 2};
    world.boot(0);
    world.boot(1);
    world.enrol({Habit::honest, Habit::honest});
    world.run_until(world.now() + 50s);
    world.pause(0);
    world.run_until(world.now() + 120s);
    const auto closed_by_other = last_closed(world);
    ASSERT_TRUE(closed_by_other);
    world.go_on(0);
    world.run_until(world.now() + 100s);
    expect_each_once_in_order(world.closed);
    EXPECT_GT(last_closed(world), closed_by_other);
    EXPECT_THAT(audit(world.store()), IsEmpty());
}

TEST(Replica, EveryWayOfWritingThroughTheBooksAsksForTheLease) {
    World world{6, small_policy(), 1};
    Replica former{world.store(), "former", 0ms}, next{world.store(), "next", 60s};
    ASSERT_TRUE(former.hold_books());
    EXPECT_NO_THROW(former.books()->record({}));
    ASSERT_TRUE(next.hold_books());
    EXPECT_THROW(former.books()->write([](Transaction&) {}), LeaseLost);
    EXPECT_THROW(former.books()->write_punctual([](Transaction&) {}), LeaseLost);
    EXPECT_THROW(former.books()->write_redoable([](Transaction&) {}), LeaseLost);
    EXPECT_THROW(former.books()->record({}), LeaseLost) << "not passed on beside the lease";
    EXPECT_NO_THROW(next.books()->record({}));
}

/// As one whose connection for other writes is taken: an enrolment waits for another verifier's.
class HeldUpStore final : public Store {
public:
    explicit HeldUpStore(Store& store) : store_{store} {}
    void write(const std::function<void(Transaction&)>&) override {
        throw StoreFailed{"an enrolment waits"};
    }
    void write_redoable(const std::function<void(Transaction&)>& work) override {
        store_.write_redoable(work);
    }
    void write_punctual(const std::function<void(Transaction&)>& work) override {
        store_.write_punctual(work);
    }
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return store_.writes_across_buckets(); }
    Health health() override { return store_.health(); }

private:
    Store& store_;
};

TEST(Replica, TimelineWritesNothingBehindAnEnrolment) {
    World world{8, small_policy(), 1};
    world.boot();
    world.enrol({Habit::honest});
    HeldUpStore store{world.store()};
    Roster roster{store};
    Schedule schedule{store};
    TimelineHooks hooks;
    hooks.draw = [] { return DayKey{}; };
    Timeline timeline{store, roster, schedule, {}, {.holder = World::alone}, hooks};
    const Instant begin = world.now();
    for (Instant now = begin; now < begin + 150s; now += 500ms) {
        timeline.start_checks(now);
        EXPECT_NO_THROW(while (timeline.keep_books(now) <= now){});
    }
    std::vector<Instant> beats;
    world.store().read([&](Reader& r) { beats = r.heartbeats(begin, begin + 150s); });
    EXPECT_GE(beats.size(), 15U);
    EXPECT_TRUE(last_closed(world));

    const Instant end = begin + 150s;
    EXPECT_TRUE(timeline.keeps_books());
    EXPECT_NO_THROW(timeline.stay_alive(end));
    EXPECT_FALSE(timeline.keeps_books());
    timeline.keep_books(end);
    EXPECT_TRUE(timeline.keeps_books());
    timeline.clock_stepped_ahead();
    EXPECT_NO_THROW(timeline.keep_books(end));
    EXPECT_FALSE(timeline.keeps_books());
    EXPECT_NO_THROW(timeline.leave());
}

TEST(Replica, WindowIsClosedOnlyWhenAllThatServeHaveSettledTheirAnswers) {
    World world{7, small_policy(), 2};
    world.boot(0);
    world.boot(1);
    world.enrol({Habit::honest});
    const Instant end = world.calendar().span(world.calendar().window_at(world.now())).end;
    world.run_until(end - 1s);
    world.pause(1);  // with answers in its hands, for all that the other knows
    world.run_until(end + 6s);
    EXPECT_FALSE(last_closed(world)) << "while it may come back and record them";
    world.run_until(end + 20s);
    EXPECT_TRUE(last_closed(world)) << "its number has expired";
}

TEST(Replica, MoreThanTheStoreTakesAreRefused) {
    World world{8};
    world.boot();
    std::vector<std::unique_ptr<Replica>> many;
    for (std::uint32_t i = 1; i < Replica::most; ++i) {
        many.push_back(std::make_unique<Replica>(world.store(), std::to_string(i), 15s));
        many.back()->serve(world.now());
        EXPECT_EQ(many.back()->number(), i);
    }
    Replica one_too_many{world.store(), "x", 15s};
    EXPECT_THROW(one_too_many.serve(world.now()), StoreFailed);
    many.front()->leave();
    one_too_many.serve(world.now());
    EXPECT_EQ(one_too_many.number(), 1U);
}

}  // namespace
}  // namespace vigil::verifier::simulation
