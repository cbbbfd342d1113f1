#include <chrono>
#include <gtest/gtest.h>
#include <set>
#include <thread>

#include "tests/service/submitting.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

TEST_F(Submitting, PolledCheckIsAnsweredJudgedAndReceipted) {
    v1::GetOpenChecksResponse polled;
    ASSERT_TRUE(node.open_checks(polled).ok());
    EXPECT_EQ(polled.time_ms(), to_ms(world.clock.now()));
    EXPECT_EQ(polled.poll_after_ms(), 1'000U);  // half of two seconds' work

    world.clock.advance(2s);
    const wire::SignedAnswer answer = node.answer(check);
    const v1::AnswerOutcome outcome = node.submit(answer);
    ASSERT_TRUE(outcome.has_receipt()) << outcome.refusal().message();
    EXPECT_TRUE(verifies(outcome.receipt(), answer, node.network, world.receipt_key.public_key()));
    for (std::size_t device : {0U, 1U}) {
        ASSERT_EQ(rows(device).size(), 1U);
        EXPECT_EQ(rows(device)[0].verdict.judgement.verdict, Verdict::passed);
        EXPECT_EQ(rows(device)[0].verdict.challenge, answer.answer.proofs[device].challenge);
        EXPECT_EQ(rows(device)[0].verdict.received, world.clock.now());
    }
}

TEST_F(Submitting, UnknownChallengesAreLookedForOnceASecond) {
    world.clock.advance(2s);
    const std::uint64_t version = world.roster.version();
    std::set<std::uint32_t> pauses;
    const std::uint64_t before = world.store.reads();
    for (std::uint8_t i = 0; i < 20; ++i) {
        wire::OpenCheck nowhere = check;
        nowhere.beacon.bytes.fill(i);
        const v1::AnswerOutcome outcome = node.submit(node.answer(nowhere));
        expect_refused(outcome, v1::REFUSAL_REASON_UNKNOWN_CHALLENGE);
        pauses.insert(outcome.refusal().retry_after_ms());
    }
    // expect_refused() asks the store once each time.
    EXPECT_LE(world.store.reads() - before, 25U);
    EXPECT_EQ(pauses, (std::set<std::uint32_t>{0, 1'000})) << "found nowhere; not looked for";
    EXPECT_EQ(world.roster.version(), version) << "nothing changed";
}

TEST_F(Submitting, ReplayGetsTheFirstReceiptAgain) {
    world.clock.advance(2s);
    const wire::SignedAnswer answer = node.answer(check);
    const v1::AnswerOutcome first = node.submit(answer);
    ASSERT_TRUE(first.has_receipt());
    world.clock.advance(1s);
    const v1::AnswerOutcome again = node.submit(answer);
    ASSERT_TRUE(again.has_receipt());
    EXPECT_EQ(first.receipt().SerializeAsString(), again.receipt().SerializeAsString());
    EXPECT_EQ(answers(), 1);
    ASSERT_EQ(first.verdicts_size(), 2);
    EXPECT_EQ(first.verdicts(1).device_id(), wire::raw(answer.answer.proofs[1].device));
    EXPECT_EQ(again.verdicts_size(), 0) << "nothing was judged";
}

TEST_F(Submitting, ReplayAfterARetirementTookEffectGetsTheFirstReceiptAgain) {
    const Calendar calendar = world.schedule.calendar();
    v1::RetireResponse retired;
    for (const std::size_t device : {0U, 1U}) ASSERT_TRUE(node.retire(1, retired, device).ok());
    const WindowIndex away = calendar.first_window(DayIndex{retired.retired_from_day()});
    world.clock.set(calendar.span(away - 1).begin);
    world.begin_fleet_check(CheckKind::hourly);
    world.clock.advance(2s);
    const wire::SignedAnswer answer = node.answer(node.open_checks().at(0));
    const v1::AnswerOutcome first = node.submit(answer);
    ASSERT_TRUE(first.has_receipt()) << first.refusal().message();
    world.clock.set(calendar.span(away).begin + 1s);
    const v1::AnswerOutcome again = node.submit(answer);
    ASSERT_TRUE(again.has_receipt()) << again.refusal().message();
    EXPECT_EQ(first.receipt().SerializeAsString(), again.receipt().SerializeAsString());
}

TEST_F(Submitting, SecondAnswerToACheckChangesNothing) {
    world.clock.advance(2s);
    const v1::AnswerOutcome first = node.submit(node.answer(check, 500));
    const v1::AnswerOutcome better = node.submit(node.answer(check, 5'000));
    ASSERT_TRUE(better.has_receipt());
    EXPECT_EQ(better.receipt().answer_id(), first.receipt().answer_id());
    EXPECT_EQ(answers(), 1);
}

TEST_F(Submitting, AnswerThatIsPartlyDecidedIsRefusedWhole) {
    ASSERT_TRUE(node.submit(node.sign({{node.proof(check, 0)}})).has_receipt());
    const v1::AnswerOutcome both = node.submit(node.answer(check));
    ASSERT_TRUE(both.has_refusal());
    EXPECT_EQ(both.refusal().reason(), v1::REFUSAL_REASON_CHECK_CLOSED);
    EXPECT_TRUE(rows(1).empty());
}

TEST_F(Submitting, LateAnswerIsRecordedAndJudgedLate) {
    world.clock.set(check.deadline + 1ms);
    ASSERT_TRUE(node.submit(node.answer(check)).has_receipt());
    ASSERT_EQ(rows(0).size(), 1U);
    EXPECT_EQ(rows(0)[0].verdict.judgement.verdict, Verdict::late);
}

TEST_F(Submitting, AnswerAtTheDeadlineIsInTime) {
    world.clock.set(check.deadline);
    ASSERT_TRUE(node.submit(node.answer(check)).has_receipt());
    EXPECT_EQ(rows(0).at(0).verdict.judgement.verdict, Verdict::passed);
}

TEST_F(Submitting, UnorderedNoncesAreABadProof) {
    Proof unordered = node.proof(check);
    std::swap(unordered.nonces[0], unordered.nonces[1]);
    ASSERT_TRUE(node.submit(node.sign({{unordered}})).has_receipt());
    EXPECT_EQ(rows(0).at(0).verdict.judgement.verdict, Verdict::bad_proof);
}

TEST_F(Submitting, TooFewNoncesAreABadProof) {
    Proof few = node.proof(check);
    few.nonces.pop_back();
    ASSERT_TRUE(node.submit(node.sign({{few}})).has_receipt());
    EXPECT_EQ(rows(0).at(0).verdict.judgement.verdict, Verdict::bad_proof);
}

TEST_F(Submitting, SlowDeviceIsBelowItsRate) {
    world.clock.advance(1ms);
    TestNode other{world.connect(), 2};
    ASSERT_TRUE(other.enrol().ok());
    const auto calibration = other.open_checks();
    ASSERT_EQ(calibration.size(), 1U);
    ASSERT_EQ(calibration[0].kind, CheckKind::calibration);
    world.clock.advance(100ms);
    ASSERT_TRUE(other.submit(other.answer(calibration[0], 20'000)).has_receipt());
    const WindowIndex window = world.plan()->window;
    world.clock.set(world.plan()->span.end);
    world.store.write(
        [&](Transaction& tx) { tx.close_window(window, world.clock.now(), {}, {}, {}); });
    world.roster.refresh_baselines();
    const FleetCheck next = world.begin_fleet_check(CheckKind::hourly);
    world.clock.advance(4s);
    const auto open = other.open_checks();
    ASSERT_EQ(open.size(), 1U);
    ASSERT_EQ(open[0].beacon, next.beacon);
    ASSERT_TRUE(other.submit(other.answer(open[0], 2'000)).has_receipt());
    world.store.read([&](Reader& reader) {
        const auto found = reader.checks(world.roster.device(other.devices[0])->ref, {});
        ASSERT_EQ(found.size(), 2U);
        EXPECT_EQ(found[0].verdict.judgement.verdict, Verdict::below_rate);
        EXPECT_EQ(found[1].verdict.judgement.verdict, Verdict::passed);
        EXPECT_EQ(found[0].verdict.judgement.baseline, found[1].verdict.judgement.rate);
    });
}

TEST_F(Submitting, WrongSignatureIsRefused) {
    wire::SignedAnswer answer = node.answer(check);
    answer.signature.bytes[5] ^= 1;
    expect_refused(node.submit(answer), v1::REFUSAL_REASON_WRONG_SIGNATURE);
    EXPECT_EQ(world.refused(RefusalReason::wrong_signature), 1U);
}

TEST_F(Submitting, SignatureForAnotherNetworkIsRefused) {
    const Answer answer = node.answer(check).answer;
    TestNode abroad{node.channel, 1, 2};
    abroad.network.bytes[0] ^= 1;
    expect_refused(node.submit(abroad.sign(answer)), v1::REFUSAL_REASON_WRONG_SIGNATURE);
}

TEST_F(Submitting, ChangedNonceBreaksTheSignature) {
    wire::SignedAnswer answer = node.answer(check);
    answer.answer.proofs[1].nonces[3] += 1;
    expect_refused(node.submit(answer), v1::REFUSAL_REASON_WRONG_SIGNATURE);
}

TEST_F(Submitting, UnknownNodeIsRefused) {
    TestNode stranger{world.connect(), 7};
    expect_refused(stranger.submit(stranger.answer(check)), v1::REFUSAL_REASON_UNKNOWN_NODE);
    v1::GetOpenChecksResponse response;
    const grpc::Status status = stranger.open_checks(response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::unknown_node);
}

TEST_F(Submitting, UnknownDeviceIsRefused) {
    Proof proof = node.proof(check);
    proof.device.bytes[0] ^= 1;
    expect_refused(node.submit(node.sign({{proof}})), v1::REFUSAL_REASON_UNKNOWN_DEVICE);
}

TEST_F(Submitting, DeviceOfAnotherNodeIsRefused) {
    TestNode thief{world.connect(), 2};
    ASSERT_TRUE(thief.enrol().ok());
    expect_refused(thief.submit(thief.sign({{node.proof(check)}})),
                   v1::REFUSAL_REASON_FOREIGN_CHALLENGE);
}

TEST_F(Submitting, StolenNoncesDoNotFitTheThiefsChallenge) {
    TestNode thief{world.connect(), 2};
    ASSERT_TRUE(thief.enrol().ok());
    Proof stolen = node.proof(check);
    stolen.device = thief.devices[0];
    expect_refused(thief.submit(thief.sign({{stolen}})), v1::REFUSAL_REASON_UNKNOWN_CHALLENGE);
}

TEST_F(Submitting, ChallengeThatHasNotBegunIsUnknown) {
    wire::OpenCheck future = check;
    for (const FleetCheck& fleet : world.plan()->fleet)
        if (fleet.start > world.clock.now()) {
            future.kind = fleet.kind;
            future.ref = static_cast<std::uint64_t>(fleet.slot.value);
            future.beacon = fleet.beacon;
        }
    ASSERT_NE(future.beacon, check.beacon);
    expect_refused(node.submit(node.answer(future)), v1::REFUSAL_REASON_UNKNOWN_CHALLENGE);
}

TEST_F(Submitting, StaleChallengeIsUnknown) {
    const wire::SignedAnswer answer = node.answer(check);
    world.clock.advance(9h);
    expect_refused(node.submit(answer), v1::REFUSAL_REASON_UNKNOWN_CHALLENGE);
}

TEST_F(Submitting, ClosedWindowTakesNoAnswer) {
    const wire::SignedAnswer answer = node.answer(check);
    const WindowIndex window = world.window();
    world.clock.set(world.schedule.calendar().span(window).end + 10s);
    world.store.write([&](Transaction& transaction) {
        transaction.close_window(window, world.clock.now(), {}, {}, {});
    });
    expect_refused(node.submit(answer), v1::REFUSAL_REASON_CHECK_CLOSED);
}

TEST_F(Submitting, TwoProofsOfOneDeviceForOneChallengeAreMalformed) {
    const Proof proof = node.proof(check);
    expect_refused(node.submit(node.sign({{proof, proof}})), v1::REFUSAL_REASON_MALFORMED);
}

TEST_F(Submitting, AnswerWithoutProofsIsMalformed) {
    expect_refused(node.submit(node.sign({})), v1::REFUSAL_REASON_MALFORMED);
}

TEST_F(Submitting, WrongLengthsAreMalformed) {
    const v1::SignedAnswer good = to_proto(node.answer(check));
    std::vector<v1::SignedAnswer> bad(4, good);
    bad[0].mutable_proofs(0)->mutable_device_id()->pop_back();
    bad[1].mutable_proofs(0)->mutable_challenge()->push_back('x');
    bad[2].mutable_signature()->clear();
    bad[3].mutable_signature()->resize(65);
    v1::SubmitAnswersResponse response;
    ASSERT_TRUE(node.submit(bad, response).ok());
    ASSERT_EQ(response.outcomes_size(), 4);
    for (const v1::AnswerOutcome& outcome : response.outcomes())
        expect_refused(outcome, v1::REFUSAL_REASON_MALFORMED);
}

TEST_F(Submitting, MoreThanTheLimitsIsTooLarge) {
    Proof big = node.proof(check);
    big.nonces.resize(4'097);
    expect_refused(node.submit(node.sign({{big}})), v1::REFUSAL_REASON_TOO_LARGE);
    expect_refused(
        node.submit(node.sign({std::vector<Proof>(65, Proof{node.devices[0], {}, {}, 0})})),
        v1::REFUSAL_REASON_TOO_LARGE);
    v1::SubmitAnswersResponse response;
    const grpc::Status status =
        node.submit(std::vector<v1::SignedAnswer>(17, to_proto(node.answer(check))), response);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::too_large);
    EXPECT_EQ(answers(), 0);
}

TEST_F(Submitting, OneBadAnswerDoesNotSpoilTheOthers) {
    const wire::SignedAnswer good = node.sign({{node.proof(check, 0)}});
    wire::SignedAnswer bad = node.sign({{node.proof(check, 1)}});
    bad.signature.bytes[0] ^= 1;
    v1::SubmitAnswersResponse response;
    ASSERT_TRUE(node.submit({to_proto(bad), to_proto(good)}, response).ok());
    ASSERT_EQ(response.outcomes_size(), 2);
    EXPECT_TRUE(response.outcomes(0).has_refusal());
    EXPECT_TRUE(response.outcomes(1).has_receipt());
}

TEST_F(Submitting, FailingStoreLosesNothing) {
    world.clock.advance(1s);
    const wire::SignedAnswer answer = node.answer(check);
    world.store.fails = true;
    const v1::AnswerOutcome failed = node.submit(answer);
    ASSERT_TRUE(failed.has_refusal());
    EXPECT_EQ(failed.refusal().reason(), v1::REFUSAL_REASON_UNAVAILABLE);
    EXPECT_GT(failed.refusal().retry_after_ms(), 0U);
    EXPECT_EQ(answers(), 0);
    world.store.fails = false;
    const v1::AnswerOutcome later = node.submit(answer);
    ASSERT_TRUE(later.has_receipt());
    EXPECT_TRUE(verifies(later.receipt(), answer, node.network, world.receipt_key.public_key()));
    EXPECT_EQ(rows(0).size(), 1U);
}

TEST_F(Submitting, ReceiptComesOnlyAfterTheCommit) {
    world.store.hold();
    std::atomic<bool> replied{false};
    std::thread caller{[&] {
        EXPECT_TRUE(node.submit(node.answer(check)).has_receipt());
        replied = true;
    }};
    std::this_thread::sleep_for(200ms);
    EXPECT_FALSE(replied);
    EXPECT_FALSE(world.answers.settle(world.clock.now(), 50ms));
    world.store.release();
    caller.join();
    EXPECT_TRUE(world.answers.settle(world.clock.now(), 5s));
}

TEST_F(Submitting, FullQueueRefusesAsBusy) {
    // In the judging queue, with the judge and in the commit queue: three of one each, and one in
    // the commit that waits.
    WorldOptions options;
    options.answers = {.judging_threads = 1, .queue_limit = 1, .batch_limit = 1};
    World small{options};
    TestNode many{small.connect(), 1, 16};
    ASSERT_TRUE(many.enrol().ok());
    small.begin_fleet_check(CheckKind::hourly);
    const wire::OpenCheck now = many.open_checks().at(0);
    std::vector<v1::SignedAnswer> one_each;
    for (std::size_t i = 0; i < 16; ++i)
        one_each.push_back(to_proto(many.sign({{many.proof(now, i)}})));
    small.store.hold();
    std::thread release{[&] {
        while (small.refused(RefusalReason::busy) < 12) std::this_thread::sleep_for(5ms);
    }};
    std::thread caller{[&] {
        v1::SubmitAnswersResponse response;
        EXPECT_TRUE(many.submit(one_each, response).ok());
        int receipts = 0, busy = 0;
        for (const v1::AnswerOutcome& outcome : response.outcomes()) {
            receipts += outcome.has_receipt();
            busy += outcome.refusal().reason() == v1::REFUSAL_REASON_BUSY;
        }
        EXPECT_EQ(receipts + busy, 16);
        EXPECT_GE(receipts, 1);
        EXPECT_LE(receipts, 4);
    }};
    release.join();
    small.store.release();
    caller.join();
}

}  // namespace
}  // namespace vigil::verifier::test
