#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "tests/simulation/books.hpp"
#include "tests/simulation/world.hpp"
#include "tests/store/samples.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// Small enough that a closing of this fleet takes a dozen transactions.
constexpr std::size_t rows_per_write = 5;

/// Fails at one write, before or after its commit, as a crash or a lost connection does.
class CrashingStore final : public Store {
public:
    explicit CrashingStore(Store& store) : store_{store} {}

    void write(const std::function<void(Transaction&)>& work) override {
        ++writes;
        if (writes == crash_at && !after_commit) throw StoreFailed{"crashed before the commit"};
        store_.write(work);
        if (writes == crash_at && after_commit) throw StoreFailed{"crashed after the commit"};
    }
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return across_buckets; }
    Health health() override { return store_.health(); }

    int writes = 0;
    int crash_at = 0;
    bool after_commit = false;
    bool across_buckets = true;

private:
    Store& store_;
};

/// A network at the end of its first day, whose last window waits to be closed. Everything that a
/// closing decides about is there: misses, lateness, a void of the verifier, and one of the fleet.
class Evening {
public:
    Evening() {
        world.blackout = [this](WindowIndex window) { return window == last; };
        world.boot();
        const Calendar calendar = world.calendar();
        day = calendar.day_at(world.now());
        last = calendar.first_window(day + 1) - 1;
        // Few of them miss the check before the blackout, or the fleet would not be excused.
        for (int i = 0; i < 12; ++i) {
            const Habit odd = i % 6 == 0 ? Habit::flaky : i % 3 == 0 ? Habit::late : Habit::honest;
            world.enrol({Habit::honest, odd, Habit::honest});
        }
        world.run_until(calendar.span(last).end + 100ms);
        world.shut_down();
        end = world.now();
        world.store().write([&](Transaction& tx) { tx.add_heartbeat(0, end); });
        EXPECT_EQ(samples::read(world.store(), [](Reader& r) { return r.last_closed_window(); }),
                  last - 1);
    }

    BooksOptions options() const { return {.guard = {}, .rows_per_write = rows_per_write}; }
    WindowCloser closer(Store& store, Schedule& schedule, Milliseconds late = 0ms) {
        return {store, schedule, last, end + late, options(), {}};
    }
    DaySettler settler(Store& store, const Schedule& schedule) {
        return {store, schedule, day, end + 1s, options(), {}};
    }

    /// All that closing and settling wrote.
    std::vector<std::string> rows() {
        std::vector<std::string> out;
        world.store().read([&](Reader& r) {
            for (const CheckRow& row : r.verdicts_of(last)) out.push_back(samples::text(row));
            const auto windows = r.windows_of(day, world.calendar().windows_per_day());
            for (const WindowRecord& row : windows) out.push_back(samples::text(row));
            for (const WindowTotals& row : r.window_totals(last, last))
                out.push_back(testing::PrintToString(row.outcomes) + std::to_string(row.measured) +
                              " " + std::to_string(row.rate) + " " + std::to_string(row.root));
            for (const DayRecord& row : r.days_of(day)) out.push_back(samples::text(row));
            for (const auto& [device, rates] : r.recent_roll_call_rates())
                out.push_back(std::to_string(device.number) + testing::PrintToString(rates));
            for (const auto& [device, standing] : r.standings())
                out.push_back(std::to_string(device.number) + to_string(standing.balance));
            const auto settled = r.settled_day(day);
            out.push_back(settled ? to_hex(settled->state_hash) : "not settled");
            out.push_back(r.day_key(day)->revealed ? "revealed" : "secret");
        });
        return out;
    }

    World world{20'241'001};
    DayIndex day;
    WindowIndex last;
    Instant end;
};

template <class Steps>
void finish(Steps steps) {
    while (steps.step()) {
    }
}

struct Undisturbed {
    std::vector<std::string> rows;
    int writes = 0;
};
const Undisturbed& undisturbed() {
    static const Undisturbed one = [] {
        Evening evening;
        CrashingStore store{evening.world.store()};
        Schedule schedule{store};
        finish(evening.closer(store, schedule));
        finish(evening.settler(store, schedule));
        EXPECT_THAT(audit(evening.world.store()), IsEmpty());
        return Undisturbed{.rows = evening.rows(), .writes = store.writes};
    }();
    return one;
}

TEST(Closing, ARunHasEverythingTheseTestsAreAbout) {
    Evening evening;
    Schedule schedule{evening.world.store()};
    std::map<Verdict, int> verdicts;
    finish(evening.closer(evening.world.store(), schedule));
    evening.world.store().read([&](Reader& r) {
        for (const CheckRow& row : r.verdicts_of(evening.last)) ++verdicts[row.final_verdict()];
    });
    EXPECT_GT(verdicts[Verdict::voided], 10);
    EXPECT_GT(verdicts[Verdict::missed], 5);
    EXPECT_GT(verdicts[Verdict::passed], 10);
    EXPECT_GT(undisturbed().writes, 20);
}

TEST(Closing, IsGoneOnWithAfterACrashAtAnyWriteAndGivesTheSameRows) {
    for (const bool after_commit : {false, true}) {
        for (int crash_at = 1; crash_at <= undisturbed().writes; ++crash_at) {
            Evening evening;
            CrashingStore store{evening.world.store()};
            store.crash_at = crash_at;
            store.after_commit = after_commit;
            int crashes = 0;
            // Whoever comes next has a clock of its own, which dates nothing any more.
            for (Milliseconds late{0}; late < 10s; late += 1s) {
                try {
                    Schedule schedule{store};
                    finish(evening.closer(store, schedule, late));
                    finish(evening.settler(store, schedule));
                    break;
                } catch (const StoreFailed&) {
                    ++crashes;
                }
            }
            EXPECT_EQ(crashes, 1);
            const bool began = crash_at > 1 || after_commit;
            if (!began) continue;  // dated by the second
            EXPECT_EQ(evening.rows(), undisturbed().rows)
                << "crash " << (after_commit ? "after" : "before") << " commit " << crash_at;
        }
    }
}

TEST(Closing, SeveralAtOnceWriteWhatOneDoes) {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        Evening evening;
        CrashingStore one{evening.world.store()}, other{evening.world.store()};
        other.across_buckets = false;  // its parts are cut elsewhere, too
        Schedule schedule{evening.world.store()};
        std::mt19937_64 random{seed};
        const auto together = [&](auto a, auto b) {
            bool a_goes_on = true, b_goes_on = true;
            while (a_goes_on || b_goes_on) {
                if (random() % 2 != 0)
                    a_goes_on = a_goes_on && a.step();
                else
                    b_goes_on = b_goes_on && b.step();
            }
        };
        // The first to begin dates it; both begin at the same time here.
        together(evening.closer(one, schedule), evening.closer(other, schedule));
        together(evening.settler(one, schedule), evening.settler(other, schedule));
        EXPECT_EQ(evening.rows(), undisturbed().rows) << "seed " << seed;
    }
}

TEST(Closing, NobodyWritesWhoseGuardThrows) {
    Evening evening;
    CrashingStore store{evening.world.store()};
    Schedule schedule{store};
    const auto before = evening.rows();
    BooksOptions options = evening.options();
    options.guard = [](Transaction&) { throw LeaseLost{"another has it"}; };
    WindowCloser closer{store, schedule, evening.last, evening.end, options, {}};
    EXPECT_THROW(closer.step(), LeaseLost);
    EXPECT_EQ(evening.rows(), before);
    EXPECT_FALSE(samples::read(
        store, [](Reader& r) { return r.last_closing()->window != r.last_closed_window(); }));

    // Lost in the middle: nothing more is written, and whoever has it now finishes.
    int allowed = 8;
    options.guard = [&](Transaction&) {
        if (allowed-- == 0) throw LeaseLost{"another has it"};
    };
    WindowCloser losing{store, schedule, evening.last, evening.end, options, {}};
    EXPECT_THROW(finish(std::move(losing)), LeaseLost);
    finish(evening.closer(store, schedule, 5s));
    finish(evening.settler(store, schedule));
    EXPECT_EQ(evening.rows(), undisturbed().rows);
}

TEST(Closing, TheNextDayWaitsForTheSettlement) {
    Evening evening;
    Store& store = evening.world.store();
    Schedule schedule{store};
    EXPECT_THROW(finish(evening.settler(store, schedule)), StoreFailed);
    finish(evening.closer(store, schedule));
    WindowCloser next{store, schedule, evening.last + 1, evening.end + 25s, evening.options(), {}};
    EXPECT_THROW(next.step(), StoreFailed);
    finish(evening.settler(store, schedule));
    finish(std::move(next));
    EXPECT_EQ(samples::read(store, [](Reader& r) { return r.last_closed_window(); }),
              evening.last + 1);
}

TEST(Closing, GoesOnFromCallToCallWhileTheHeartBeats) {
    World world{7};
    world.options.steps_per_call = 1;
    world.options.books.rows_per_write = 2;
    world.boot();
    for (int i = 0; i < 6; ++i) world.enrol({Habit::honest, Habit::honest});
    const WindowIndex window = world.calendar().window_at(world.now());
    world.run_until(world.calendar().span(window).end + 400ms);
    Instant now = world.now();
    std::vector<Instant> calls;
    while (world.timeline().last_closed() != window) {
        world.timeline().keep_books(now += 4s);
        ASSERT_LT(calls.size(), 100U);
        calls.push_back(now);
    }
    EXPECT_GT(calls.size(), 12U);
    const auto beats =
        samples::read(world.store(), [&](Reader& r) { return r.heartbeats(calls[0], now); });
    for (std::size_t i = 1; i < beats.size(); ++i) EXPECT_LE(beats[i] - beats[i - 1], 14s);
}

}  // namespace
}  // namespace vigil::verifier::simulation
