#include "node/timing.hpp"

#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::seconds;
using test::check_of;
constexpr Milliseconds margin{400};
const SteadyTime t0{std::chrono::hours{1}};

OpenCheck roll_call(Milliseconds ago) {
    return check_of({.kind = CheckKind::roll_call,
                     .work = Milliseconds{20'000},
                     .spread = Milliseconds{2'000},
                     .slack = Milliseconds{10'000},
                     .ago = ago});
}

TEST(SearchPlan, OnTimeLastsWorkAndExtra) {
    const auto plan = plan_search(roll_call(Milliseconds{0}), t0, t0, Milliseconds{1'234}, margin);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->stop, t0 + Milliseconds{21'234});
    EXPECT_EQ(plan->deadline, t0 + seconds{32});
    EXPECT_FALSE(plan->late);
}

TEST(SearchPlan, AnUnnoticeableDelayChangesNothing) {
    const auto plan = plan_search(roll_call(Milliseconds{900}), t0, t0, Milliseconds{0}, margin);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->stop, t0 + seconds{20});
    EXPECT_FALSE(plan->late);
}

TEST(SearchPlan, LearnedLateGoesOnUntilTheSafeEnd) {
    // 8 s late of 32: the 24 s left, less the margin, are all used.
    const auto plan =
        plan_search(roll_call(Milliseconds{8'000}), t0, t0, Milliseconds{500}, margin);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->late);
    EXPECT_EQ(plan->stop, t0 + Milliseconds{23'600});
}

TEST(SearchPlan, ASmallDelayIsMadeUpForAndNoMore) {
    // 120 ms late of 2 s work: 49 × 120 ms = 5,880 ms until the delay weighs 2 %.
    OpenCheck check = check_of(
        {.work = Milliseconds{2'000}, .slack = Milliseconds{10'000}, .ago = Milliseconds{120}});
    const auto plan = plan_search(check, t0, t0, Milliseconds{0}, margin);
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->stop, t0 + Milliseconds{5'880});
}

TEST(SearchPlan, WaitingBehindAnotherCheckCountsAsDelay) {
    const auto plan =
        plan_search(roll_call(Milliseconds{0}), t0, t0 + seconds{5}, Milliseconds{0}, margin);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->late);
    EXPECT_EQ(plan->stop, t0 + seconds{32} - margin);
}

TEST(SearchPlan, NoTimeLeftIsNoPlan) {
    EXPECT_FALSE(plan_search(roll_call(Milliseconds{31'600}), t0, t0, Milliseconds{0}, margin));
    EXPECT_TRUE(plan_search(roll_call(Milliseconds{31'599}), t0, t0, Milliseconds{0}, margin));
}

TEST(SearchPlan, MarginFollowsASlowLine) {
    EXPECT_EQ(deadline_margin(Milliseconds{20}), Milliseconds{400});
    EXPECT_EQ(deadline_margin(Milliseconds{700}), Milliseconds{1'400});
}

TEST(SearchPlan, ACheckWaitsOnlyIfItsWholeWorkFitsAfterwards) {
    const OpenCheck hourly = check_of({.work = Milliseconds{2'000},
                                       .spread = Milliseconds{2'000},
                                       .slack = Milliseconds{10'000}});
    EXPECT_TRUE(can_wait(hourly, t0, t0 + Milliseconds{11'600}, margin));
    EXPECT_FALSE(can_wait(hourly, t0, t0 + Milliseconds{11'601}, margin));
}

TEST(Backoff, DoublesWithinItsBoundsAndStartsAgain) {
    for (const std::uint64_t seed : {1u, 2u, 77u}) {
        Backoff pauses{Milliseconds{500}, Milliseconds{60'000}, seed};
        Milliseconds step{500};
        for (int i = 0; i < 12; ++i) {
            const Milliseconds pause = pauses.next();
            EXPECT_GE(pause, step / 2) << "seed " << seed << " attempt " << i;
            EXPECT_LE(pause, step) << "seed " << seed << " attempt " << i;
            step = std::min(step * 2, Milliseconds{60'000});
        }
        pauses.reset();
        EXPECT_LE(pauses.next(), Milliseconds{500});
    }
}

TEST(Backoff, TwoNodesDoNotComeBackTogether) {
    Backoff one{Milliseconds{60'000}, Milliseconds{60'000}, 1};
    Backoff two{Milliseconds{60'000}, Milliseconds{60'000}, 2};
    EXPECT_NE(one.next(), two.next());
}

}  // namespace
}  // namespace vigil::node
