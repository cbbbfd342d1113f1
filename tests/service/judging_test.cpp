#include <gtest/gtest.h>

#include "tests/service/submitting.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

// It was refused, and its receive time lost, where the store could not be read for a moment.
TEST_F(Submitting, NothingIsReadForAnAnswerBetweenAWindowsEndAndTheNextOnesBaselines) {
    const WindowIndex window = world.window();
    world.clock.set(world.schedule.calendar().span(window).end);
    for (const bool closed : {false, true}) {
        if (closed)
            world.store.write([&](Transaction& transaction) {
                transaction.close_window(window, world.clock.now(), {}, {}, {});
            });
        world.begin_fleet_check(closed ? CheckKind::roll_call : CheckKind::hourly);
        const wire::SignedAnswer answer = node.answer(node.open_checks().at(0));
        const std::uint64_t reads = world.store.reads();
        world.store.fails_to_read = true;
        const v1::AnswerOutcome outcome = node.submit(answer);
        world.store.fails_to_read = false;
        EXPECT_TRUE(outcome.has_receipt()) << outcome.refusal().message();
        EXPECT_EQ(outcome.verdicts_size(), 0);
        EXPECT_EQ(world.store.reads(), reads);
    }
}

TEST_F(Submitting, CalibrationHasItsReceiptAndCountsWhileTheStoreCannotBeRead) {
    world.clock.advance(1ms);
    TestNode other{world.connect(), 2};
    ASSERT_TRUE(other.enrol().ok());
    const wire::SignedAnswer answer = other.answer(other.open_checks().at(0));
    world.schedule.plan(world.window() - 1);  // as it was read in that window
    const std::uint64_t reads = world.store.reads();
    world.store.fails_to_read = true;
    const v1::AnswerOutcome outcome = other.submit(answer);
    world.store.fails_to_read = false;
    EXPECT_TRUE(outcome.has_receipt()) << outcome.refusal().message();
    EXPECT_EQ(world.store.reads(), reads);
    const auto shown = world.roster.device(other.devices[0]);
    EXPECT_EQ(shown->calibrated, Roster{world.store}.device(other.devices[0])->calibrated);
    EXPECT_EQ(shown->calibrated.size(), 1U);
}

TEST_F(Submitting, AnswerWaitsUnjudgedWhileTheWindowBeforeIsOpen) {
    const WindowIndex window = world.window();
    world.clock.set(world.schedule.calendar().span(window).end);
    world.begin_fleet_check(CheckKind::hourly);
    ASSERT_TRUE(node.submit(node.answer(node.open_checks().at(0))).has_receipt());
    const auto unjudged = [&] {
        std::size_t count{};
        world.store.read(
            [&](Reader& reader) { count = reader.unjudged_answers(window + 1).size(); });
        return count;
    };
    EXPECT_EQ(unjudged(), 1U);
    EXPECT_TRUE(rows(0).empty());

    world.store.write([&](Transaction& transaction) {
        transaction.close_window(window, world.clock.now(), {}, {}, {});
    });
    world.roster.refresh_baselines();  // as the books do, or who follows them
    world.begin_fleet_check(CheckKind::roll_call);
    ASSERT_TRUE(node.submit(node.answer(node.open_checks().at(0))).has_receipt());
    EXPECT_EQ(unjudged(), 1U);
    ASSERT_EQ(rows(0).size(), 1U);
    EXPECT_EQ(rows(0)[0].verdict.claim.kind, CheckKind::roll_call);
}

}  // namespace
}  // namespace vigil::verifier::test
