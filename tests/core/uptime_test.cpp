#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>

#include "core/rewards/settlement.hpp"
#include "core/uptime/availability.hpp"
#include "core/uptime/window.hpp"
#include "core/work/pow_hash.hpp"

namespace vigil {
namespace {

const Policy policy = *preset("incentivenet-2024-10");
constexpr std::uint64_t most_u64 = std::numeric_limits<std::uint64_t>::max();

Check check_of(CheckKind kind, std::uint32_t k = 3) {
    return {.device = {},
            .kind = kind,
            .ref = 1,
            .challenge = {},
            .start = instant_from_ms(1'000'000),
            .deadline = instant_from_ms(1'014'000),
            .k = k,
            .theta = kind == CheckKind::calibration ? Ppm{} : Ppm{500'000}};
}

TEST(Judge, DeadlineItselfIsInTime) {
    const Check check = check_of(CheckKind::hourly);
    EXPECT_EQ(judge_work(check, 1, check.deadline, 0).verdict, Verdict::passed);
    const Judgement late = judge_work(check, 1, check.deadline + Milliseconds{1}, 5);
    EXPECT_EQ(late.verdict, Verdict::late);
    EXPECT_EQ(late.work, 0U);
    EXPECT_EQ(late.rate, 0U);
    EXPECT_EQ(late.baseline, 5U);
    EXPECT_EQ(late.reason,
              "received 14,001 ms after the start, 1 ms after the deadline (allowed 14,000 ms)");
}

TEST(Judge, BadFormIsABadProof) {
    const Check check = check_of(CheckKind::hourly);
    const auto reason = [&check](std::vector<std::uint64_t> nonces) {
        const Judgement judgement = judge(check, nonces, check.start, 0);
        return std::string{to_string(judgement.verdict)} + ": " + judgement.reason;
    };
    EXPECT_EQ(reason({}), "bad_proof: the proof has 0 nonces, 3 were asked for");
    EXPECT_EQ(reason({1, 2}), "bad_proof: the proof has 2 nonces, 3 were asked for");
    EXPECT_EQ(reason({1, 2, 3, 4}), "bad_proof: the proof has 4 nonces, 3 were asked for");
    EXPECT_EQ(reason({1, 1, 2}),
              "bad_proof: the nonces are not strictly ascending: 1 is followed by 1");
    EXPECT_EQ(reason({1, 3, 2}),
              "bad_proof: the nonces are not strictly ascending: 3 is followed by 2");
    EXPECT_TRUE(reason({0, 1, most_u64}).starts_with("passed"));
}

TEST(Judge, LateComesBeforeBadForm) {
    const Check check = check_of(CheckKind::hourly);
    EXPECT_EQ(judge(check, {}, check.deadline + Milliseconds{1}, 0).verdict, Verdict::late);
}

TEST(Judge, ThresholdIsComparedExactly) {
    Check check = check_of(CheckKind::roll_call);
    check.theta = Ppm{700'000};
    const Instant second = check.start + Milliseconds{1'000};  // rate = work
    const Judgement below = judge_work(check, 2'609'856'920, second, 3'728'367'030);
    EXPECT_EQ(below.verdict, Verdict::below_rate);
    EXPECT_EQ(below.reason,
              "rate 2,609,856,920 H/s is below 70 % of the baseline 3,728,367,030 H/s (needed "
              "2,609,856,921)");
    const Judgement enough = judge_work(check, 2'609'856'921, second, 3'728'367'030);
    EXPECT_EQ(enough.verdict, Verdict::passed);
    EXPECT_EQ(enough.reason,
              "rate 2,609,856,921 H/s reaches 70 % of the baseline 3,728,367,030 H/s (needed "
              "2,609,856,921)");
}

TEST(Judge, LargestNumbersDoNotOverflow) {
    Check check = check_of(CheckKind::roll_call);
    check.theta = Ppm{1'000'000};
    EXPECT_EQ(judge_work(check, most_u64, check.start, most_u64).verdict, Verdict::passed);
    EXPECT_EQ(judge_work(check, most_u64, check.start + Milliseconds{1'001}, most_u64).verdict,
              Verdict::below_rate);
}

TEST(Judge, CalibrationHasNoThreshold) {
    const Check check = check_of(CheckKind::calibration);
    const Judgement judgement = judge_work(check, 10, check.start + Milliseconds{5'000}, most_u64);
    EXPECT_EQ(judgement.verdict, Verdict::passed);
    EXPECT_EQ(judgement.reason, "calibrated at 2 H/s: 10 hashes in 5,000 ms");
    EXPECT_EQ(judge(check, {}, check.start, 0).verdict, Verdict::bad_proof);
}

TEST(Judge, MissedNamesTheDeadline) {
    const Judgement judgement = judge_missed(check_of(CheckKind::spot), 9);
    EXPECT_EQ(judgement.verdict, Verdict::missed);
    EXPECT_EQ(judgement.baseline, 9U);
    EXPECT_EQ(judgement.reason, "no answer by the deadline, 14,000 ms after the start");
}

TEST(Judge, TwoHundredAndFiftySixNoncesAreAllHashed) {
    const Check check = check_of(CheckKind::roll_call, 256);
    std::vector<std::uint64_t> nonces(256);
    Hash largest;
    for (std::uint64_t i = 0; i < nonces.size(); ++i) {
        nonces[i] = i * 1'000'003;
        largest = std::max(largest, pow_hash(check.challenge, nonces[i]));
    }
    boost::multiprecision::cpp_int h;
    import_bits(h, largest.bytes.begin(), largest.bytes.end());
    const auto expected = (boost::multiprecision::cpp_int{255} << 256) / (h + 1);
    EXPECT_EQ(boost::multiprecision::cpp_int{judge(check, nonces, check.deadline, 0).work},
              expected);
}

TEST(Baseline, NothingKnownIsZero) {
    EXPECT_EQ(baseline({}, std::nullopt), 0U);
    EXPECT_EQ(baseline({}, 7), 7U);
    const std::vector<std::uint64_t> seven = {1'000, 1, 2, 3, 4, 5, 6};
    EXPECT_EQ(baseline(seven, 7), 3U)
        << "the first of seven is forgotten, the lower of the middle two counts";
}

TEST(Availability, GapOfThirtySecondsIsNoFault) {
    const auto at = [](std::int64_t seconds) { return instant_from_ms(seconds * 1'000); };
    const std::vector<Instant> exact = {at(0), at(30), at(60)};
    EXPECT_FALSE(verifier_fault(exact, at(10), at(40)));
    const std::vector<Instant> over = {at(0), at(30) + Milliseconds{1}, at(60)};
    const auto fault = verifier_fault(over, at(10), at(40));
    ASSERT_TRUE(fault);
    EXPECT_EQ(*fault,
              "the verifiers' heartbeats have a gap of 30,001 ms, from 0 ms to 30001 ms, while the "
              "check was open (at "
              "most 30,000 ms is no fault)");
}

TEST(Availability, OnlyAGapThatMeetsTheCheckCounts) {
    const auto at = [](std::int64_t seconds) { return instant_from_ms(seconds * 1'000); };
    const std::vector<Instant> beats = {at(0), at(100), at(110), at(120), at(130), at(230)};
    EXPECT_FALSE(verifier_fault(beats, at(101), at(129)));
    EXPECT_TRUE(verifier_fault(beats, at(99), at(129)));
    EXPECT_TRUE(verifier_fault(beats, at(101), at(131)));
    EXPECT_TRUE(verifier_fault(beats, at(100), at(129))) << "a gap that ends at the start meets it";
    EXPECT_TRUE(verifier_fault(beats, at(101), at(130)))
        << "a gap that begins at the deadline meets it";
    EXPECT_TRUE(verifier_fault(beats, at(40), at(60))) << "the whole check lies in a gap";
}

TEST(Availability, AMissingSideIsAGapWithoutEnd) {
    const auto at = [](std::int64_t seconds) { return instant_from_ms(seconds * 1'000); };
    const std::vector<Instant> beats = {at(10), at(20), at(30)};
    EXPECT_TRUE(verifier_fault({}, at(10), at(30)));
    EXPECT_TRUE(verifier_fault(beats, at(9), at(30)));
    EXPECT_TRUE(verifier_fault(beats, at(10), at(31)));
    EXPECT_FALSE(verifier_fault(beats, at(10), at(30)));
}

TEST(Availability, FleetFaultNeedsAllThreeConditions) {
    EXPECT_TRUE(fleet_fault({.expected = 20, .missed = 10, .had_missed_before = 1}));
    EXPECT_FALSE(fleet_fault({.expected = 19, .missed = 19, .had_missed_before = 0}));
    EXPECT_FALSE(fleet_fault({.expected = 20, .missed = 9, .had_missed_before = 0}));
    EXPECT_FALSE(fleet_fault({.expected = 20, .missed = 10, .had_missed_before = 2}))
        << "one in ten is not fewer";
    EXPECT_TRUE(fleet_fault({.expected = 21, .missed = 11, .had_missed_before = 2}));
    EXPECT_FALSE(fleet_fault({.expected = 21, .missed = 10, .had_missed_before = 0}));
    EXPECT_EQ(fleet_fault({.expected = 1'000, .missed = 600, .had_missed_before = 7}),
              "600 of 1,000 devices missed this fleet check, at least half, and only 7 of them had "
              "missed the one "
              "before, fewer than one in ten");
}

TEST(Availability, VoidReplacesWhatAFaultCanCause) {
    for (const Verdict verdict : {Verdict::missed, Verdict::late, Verdict::below_rate})
        EXPECT_TRUE(can_be_voided(verdict)) << to_string(verdict);
    for (const Verdict verdict : {Verdict::passed, Verdict::bad_proof, Verdict::voided,
                                  Verdict::maintenance, Verdict::busy})
        EXPECT_FALSE(can_be_voided(verdict)) << to_string(verdict);
}

TEST(Window, EnrolledThroughAllOfIt) {
    const Span window{instant_from_ms(100), instant_from_ms(200)};
    const auto at = instant_from_ms;
    EXPECT_TRUE(enrolled_through(window, at(100), std::nullopt));
    EXPECT_FALSE(enrolled_through(window, at(101), std::nullopt));
    EXPECT_TRUE(enrolled_through(window, at(0), at(200)));
    EXPECT_FALSE(enrolled_through(window, at(0), at(199)));
}

TEST(Window, MissesAreCountedAgainstTheAllowance) {
    const std::vector<Verdict> two = {Verdict::missed, Verdict::passed, Verdict::late,
                                      Verdict::voided};
    const WindowResult incomplete = window_result(Verdict::passed, two, policy);
    EXPECT_EQ(incomplete.outcome, WindowOutcome::incomplete);
    EXPECT_EQ(incomplete.misses, 2U);
    EXPECT_EQ(incomplete.reason,
              "roll call passed, but 2 of 4 other checks failed (at most 1 allowed)");
    const std::vector<Verdict> one = {Verdict::bad_proof, Verdict::maintenance, Verdict::busy};
    EXPECT_EQ(window_result(Verdict::passed, one, policy).outcome, WindowOutcome::complete);
    EXPECT_EQ(window_result(Verdict::voided, two, policy).outcome, WindowOutcome::voided);
    EXPECT_EQ(window_result(Verdict::late, {}, policy).reason, "roll call late");
}

std::vector<DayWindow> six(std::uint64_t rate) { return {6, {WindowOutcome::complete, rate}}; }

TEST(Day, CreditOfTheLargestNumbersIsExact) {
    Policy rich = policy;
    rich.base_per_mhs = Micro{1'000'000'000'000'000'000};
    rich.multiplier.back() = Ppm{1'000'000'000};
    const DayResult result = day_result(rich, {{0}, {0}, false}, six(most_u64));
    EXPECT_EQ(result.rate, most_u64) << "six times the largest rate do not wrap";
    // (2^64 − 1) · 10^18 · 10^9 / 10^12
    EXPECT_EQ(to_string(result.credit), "18446744073709551615000000000000000");
}

TEST(Day, CapOfZeroPaysNothing) {
    Policy capped = policy;
    capped.daily_cap = Micro{};
    const DayResult result = day_result(capped, {{0}, {0}, false}, six(1'000'000));
    EXPECT_EQ(result.outcome, DayOutcome::up);
    EXPECT_EQ(result.credit, Micro{});
    EXPECT_TRUE(result.reason.ends_with(", capped at 0.000000")) << result.reason;
}

TEST(Day, ReasonIsTheArithmetic) {
    EXPECT_EQ(
        day_result(policy, {{0}, {0}, false}, six(3'000'000)).reason,
        "6 complete; N = 6; 3,000,000 H/s × 10.000000 credits per MH/s × 4 = 120.000000 credits");
}

TEST(Day, ExcusedNeedsAReason) {
    std::vector<DayWindow> windows(6, {WindowOutcome::voided, 0});
    EXPECT_EQ(day_result(policy, {{0}, {0}, false}, windows).outcome, DayOutcome::excused);
    windows[3].outcome = WindowOutcome::incomplete;
    EXPECT_EQ(day_result(policy, {{0}, {0}, false}, windows).outcome, DayOutcome::down);
    EXPECT_EQ(day_result(policy, {{0}, {0}, true}, windows).outcome, DayOutcome::excused);
    windows[4] = {WindowOutcome::complete, 1'000'000};
    EXPECT_EQ(day_result(policy, {{0}, {0}, true}, windows).outcome, DayOutcome::up);
}

TEST(Base, FloorsOnceForEveryFullPeriod) {
    EXPECT_EQ(base_on(policy, {100}, {100}), Micro{10'000'000});
    EXPECT_EQ(base_on(policy, {113}, {100}), Micro{10'000'000});
    EXPECT_EQ(base_on(policy, {114}, {100}), Micro{9'000'000});
    EXPECT_EQ(base_on(policy, {99}, {100}), Micro{10'000'000})
        << "before the start nothing has decayed";
    EXPECT_EQ(base_on(policy, {0}, {100}), Micro{10'000'000});
    Policy small = policy;
    small.base_per_mhs = Micro{11};
    EXPECT_EQ(base_on(small, {28}, {0}), Micro{8})
        << "11, 9, 8: floored each time, not once at the end";
    EXPECT_EQ(base_on(small, {1'000'000'000}, {0}), Micro{});
    small.decay = Ppm{Ppm::one};
    EXPECT_EQ(base_on(small, {1'000'000'000}, {0}), Micro{11});
}

TEST(Standing, GraceIsEarnedByServiceAndSpentFirst) {
    Standing s;
    for (int day = 0; day < 29; ++day) s = step(s, DayOutcome::up, Micro{100}, policy).after;
    EXPECT_EQ(s.grace_left, 0U);
    s = step(s, DayOutcome::up, Micro{100}, policy).after;
    EXPECT_EQ(s, (Standing{Micro{3'000}, 0, 2, 0}));
    for (int day = 0; day < 40; ++day) s = step(s, DayOutcome::up, Micro{0}, policy).after;
    EXPECT_EQ(s, (Standing{Micro{3'000}, 0, 2, 0})) << "with two in hand the count stands still";

    const StandingStep first = step(s, DayOutcome::down, Micro{0}, policy);
    EXPECT_TRUE(first.grace_used);
    EXPECT_EQ(first.slashed, Micro{});
    EXPECT_EQ(first.tier, 0U);
    const StandingStep second = step(first.after, DayOutcome::down, Micro{0}, policy);
    EXPECT_TRUE(second.grace_used);
    const StandingStep third = step(second.after, DayOutcome::down, Micro{0}, policy);
    EXPECT_FALSE(third.grace_used);
    EXPECT_EQ(third.slashed, Micro{75});
    EXPECT_EQ(third.tier, 1U);
    EXPECT_EQ(third.after, (Standing{Micro{2'925}, 0, 0, 3}));
}

TEST(Standing, TierFollowsTheRunOfDownDays) {
    Standing s{Micro{1'000'000'000}, 0, 0, 0};
    std::vector<std::uint32_t> tiers;
    for (int day = 0; day < 12; ++day) {
        const StandingStep stepped = step(s, DayOutcome::down, Micro{}, policy);
        tiers.push_back(stepped.tier);
        s = stepped.after;
    }
    EXPECT_EQ(tiers, (std::vector<std::uint32_t>{1, 1, 1, 1, 1, 6, 6, 6, 6, 6, 11, 11}));
    s = step(s, DayOutcome::up, Micro{}, policy).after;
    EXPECT_EQ(s.down_run, 0U);
    EXPECT_EQ(step(s, DayOutcome::down, Micro{}, policy).tier, 1U);
}

TEST(Standing, ExcusedDayChangesNothing) {
    const Standing before{Micro{5}, 12, 1, 3};
    const StandingStep stepped = step(before, DayOutcome::excused, Micro{99}, policy);
    EXPECT_EQ(stepped.after, before);
    EXPECT_EQ(stepped.slashed, Micro{});
    EXPECT_FALSE(stepped.grace_used);
}

TEST(Standing, OverflowOfABalanceThrows) {
    const Standing full{Micro{~u128{0}}, 0, 0, 0};
    EXPECT_THROW(step(full, DayOutcome::up, Micro{1}, policy), std::overflow_error);
}

TEST(SettlementDeathTest, DevicesAscendStrictly) {
    const std::vector<DeviceState> twice(2);
    EXPECT_DEATH(static_cast<void>(state_hash({}, {1}, twice)), "devices strictly ascend by id");
}

}  // namespace
}  // namespace vigil
