#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "tests/simulation/books.hpp"
#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// What happens to the verifier itself, beside its nodes.
struct Fate {
    int restarts = 0;  ///< at random moments, in no time
    bool downtime = false;
};

struct Outcome {
    std::vector<SettledDay> days;
    std::vector<WindowIndex> closed;
    std::vector<std::string> differences;
    std::uint64_t taken{}, lost{}, waiting{};
    std::map<Verdict, std::size_t> verdicts;  ///< final ones
    std::size_t grace_days{}, slashes{}, credits{};
};

constexpr std::int64_t days_simulated = 60;

/// Thirty devices of all habits on a dozen nodes, newcomers and retirements, blackouts.
Outcome live_through(std::uint64_t seed, const Fate& fate) {
    World world{seed};
    const Instant begin = world.now();
    const Instant end = begin + days_simulated * world.policy().day;
    std::mt19937_64 random{seed};
    const auto moment = [&] {
        return begin + Milliseconds{static_cast<std::int64_t>(
                           random() % static_cast<std::uint64_t>((end - begin).count()))};
    };
    world.blackout = [seed](WindowIndex window) {
        return (static_cast<std::uint64_t>(window.value) ^ seed) % 53 == 0;
    };
    world.boot();
    for (int i = 0; i < 8; ++i)
        world.enrol({Habit::honest, i % 2 ? Habit::flaky : Habit::late, Habit::honest});
    world.enrol({Habit::lazy});
    for (int i = 0; i < 6; ++i)
        world.at(moment(), [&world, i] {
            if (world.running()) world.enrol({i % 2 ? Habit::honest : Habit::flaky});
        });
    for (const std::size_t device : {1U, 5U})
        world.at(moment(), [&world, device] {
            if (world.running()) world.retire(device);
        });
    if (fate.downtime)
        for (const Milliseconds length :
             {Milliseconds{25s}, Milliseconds{95s}, Milliseconds{700s}}) {
            const Instant down = moment();
            world.at(down, [&world] { world.shut_down(); });
            world.at(down + length, [&world] { world.boot(); });
        }
    // Drawn last, so that a disturbed run and an undisturbed one share everything else.
    for (int i = 0; i < fate.restarts; ++i)
        world.at(moment(), [&world] {
            if (!world.running()) return;
            world.shut_down();
            world.boot();
        });
    world.run_until(end + 30s);

    Outcome outcome;
    world.store().read([&](Reader& reader) {
        for (DayIndex day = world.calendar().day_at(begin);
             const auto settled = reader.settled_day(day); ++day)
            outcome.days.push_back(*settled);
    });
    world.store().read([&](Reader& reader) {
        for (const WindowIndex window : world.closed)
            for (const CheckRow& row : reader.verdicts_of(window))
                ++outcome.verdicts[row.final_verdict()];
    });
    for (const DayRecord& record : world.days_written) {
        outcome.grace_days += record.grace_used;
        outcome.slashes += record.slashed > Micro{};
        outcome.credits += record.credit > Micro{};
    }
    outcome.closed = world.closed;
    outcome.differences = audit(world.store());
    outcome.taken = world.taken_answers;
    outcome.lost = world.lost_answers;
    outcome.waiting = world.waiting_answers;
    return outcome;
}

void expect_each_once_in_order(const Outcome& outcome) {
    for (std::size_t i = 1; i < outcome.closed.size(); ++i)
        EXPECT_EQ(outcome.closed[i], outcome.closed[i - 1] + 1);
    for (std::size_t i = 1; i < outcome.days.size(); ++i)
        EXPECT_EQ(outcome.days[i].day, outcome.days[i - 1].day + 1);
    EXPECT_EQ(outcome.days.size(), static_cast<std::size_t>(days_simulated));
}

class Simulation : public testing::Test {
protected:
    void SetUp() override {
        seed = seed_from_environment();
        std::printf("VIGIL_SEED=%llu\n", static_cast<unsigned long long>(seed));
    }
    std::uint64_t seed{};
};

TEST_F(Simulation, BooksOfAnUneventfulNetworkAreRight) {
    const Outcome outcome = live_through(seed, {});
    expect_each_once_in_order(outcome);
    EXPECT_THAT(outcome.differences, IsEmpty());
    EXPECT_GT(outcome.taken, 10'000U);
    EXPECT_GT(outcome.waiting, 0U) << "no answer came before the window before was closed";
    // Right books mean little unless everything happened that they are about.
    for (const Verdict verdict :
         {Verdict::passed, Verdict::below_rate, Verdict::late, Verdict::missed, Verdict::voided})
        EXPECT_GT(outcome.verdicts.at(verdict), 10U) << to_string(verdict);
    EXPECT_GT(outcome.credits, 500U);
    EXPECT_GT(outcome.slashes, 20U);
    EXPECT_GT(outcome.grace_days, 5U);
}

TEST_F(Simulation, RestartsAtAnyMomentChangeNothing) {
    const Outcome quiet = live_through(seed, {});
    const Outcome disturbed = live_through(seed, {.restarts = 300, .downtime = false});
    expect_each_once_in_order(disturbed);
    EXPECT_THAT(disturbed.differences, IsEmpty());
    ASSERT_EQ(quiet.days.size(), disturbed.days.size());
    for (std::size_t i = 0; i < quiet.days.size(); ++i)
        EXPECT_EQ(to_hex(quiet.days[i].state_hash), to_hex(disturbed.days[i].state_hash))
            << "day " << quiet.days[i].day.value;
    EXPECT_EQ(quiet.taken, disturbed.taken);
}

TEST_F(Simulation, DowntimeIsMadeUpForInOrderAndCostsNobody) {
    const Outcome outcome = live_through(seed, {.restarts = 50, .downtime = true});
    expect_each_once_in_order(outcome);
    EXPECT_THAT(outcome.differences, IsEmpty());
    EXPECT_GT(outcome.lost, 0U);
}

}  // namespace
}  // namespace vigil::verifier::simulation
