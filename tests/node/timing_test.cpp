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
    // 400 ms late of 2 s work: 9 × 400 ms = 3,600 ms until the delay weighs 10 %.
    OpenCheck check = check_of(
        {.work = Milliseconds{2'000}, .slack = Milliseconds{10'000}, .ago = Milliseconds{400}});
    const auto plan = plan_search(check, t0, t0, Milliseconds{0}, margin);
    ASSERT_TRUE(plan);
    EXPECT_TRUE(plan->late);
    EXPECT_EQ(plan->stop, t0 + Milliseconds{3'600});
}

TEST(SearchPlan, ASlightlyLateRollCallIsNotStakedOnItsLastMoment) {
    // 1 s of 21: the usual work already makes the delay weigh less than a tenth.
    const auto plan = plan_search(roll_call(Milliseconds{1'000}), t0, t0, Milliseconds{0}, margin);
    ASSERT_TRUE(plan);
    EXPECT_FALSE(plan->late);
    EXPECT_EQ(plan->stop, t0 + seconds{20});
}

TEST(SearchPlan, TheDemosShortCheckKeepsItsWholeWork) {
    const OpenCheck check =
        check_of({.work = Milliseconds{300}, .slack = Milliseconds{700}, .ago = Milliseconds{50}});
    for (const Milliseconds round_trip : {Milliseconds{0}, Milliseconds{2}}) {
        const auto plan =
            plan_search(check, t0, t0, Milliseconds{0}, deadline_margin(check, round_trip));
        ASSERT_TRUE(plan);
        // 9 × 50 ms, inside both margins: 1,000 − 50 − 175 and 1,000 − 50 − 400.
        EXPECT_EQ(plan->stop, t0 + Milliseconds{450});
    }
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
    const OpenCheck check = roll_call(Milliseconds{0});
    EXPECT_EQ(deadline_margin(check, Milliseconds{20}), Milliseconds{400});
    EXPECT_EQ(deadline_margin(check, Milliseconds{700}), Milliseconds{1'400});
}

TEST(SearchPlan, AnUnknownLineGetsASecondOrAQuarterOfTheSlack) {
    const auto margin_of = [](Milliseconds slack) {
        return deadline_margin(check_of({.work = Milliseconds{300}, .slack = slack}),
                               Milliseconds{0});
    };
    EXPECT_EQ(margin_of(Milliseconds{10'000}), Milliseconds{1'000});
    EXPECT_EQ(margin_of(Milliseconds{4'000}), Milliseconds{1'000});
    EXPECT_EQ(margin_of(Milliseconds{700}), Milliseconds{175});
    EXPECT_EQ(margin_of(Milliseconds{0}), Milliseconds{0});
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
