#include "tests/node/outbox_test.hpp"

namespace vigil::node {
namespace {

using namespace outbox_test;
using std::chrono::steady_clock;

TEST_F(OutboxTest, DevicesThatFinishTogetherShareOneSignature) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}})
        outbox->expect(check, device(d));
    const auto begun = steady_clock::now();
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}})
        outbox->add(check, device(d), in(Milliseconds{3000}), proof_of(d));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{90});  // the last one in: no waiting
    const SignedAnswer& answer = played.streamed_at(0);
    EXPECT_EQ(answer.answer.proofs.size(), 3u);
    EXPECT_TRUE(VerifyingKey{node_key.public_key()}.verifies(signed_bytes(network, answer.answer),
                                                             answer.signature));
}

TEST_F(OutboxTest, AStragglerHoldsTheOthersForATenthOfASecondOnly) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}})
        outbox->expect(check, device(d));
    const auto begun = steady_clock::now();
    outbox->add(check, device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    EXPECT_GE(steady_clock::now() - begun, Milliseconds{95});
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{400});
    outbox->add(check, device(2), in(Milliseconds{3000}), proof_of(2));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 2; }));
    EXPECT_EQ(played.streamed_at(1).answer.proofs, std::vector<Proof>{proof_of(2)});
}

TEST_F(OutboxTest, ADeviceWithoutAProofIsNotWaitedFor) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    outbox->expect(check, device(1));
    outbox->add(check, device(1), in(Milliseconds{3000}), std::nullopt);
    EXPECT_TRUE(outbox->empty());
}

TEST_F(OutboxTest, AReceiptEndsIt) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    outbox->add(check, device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge));  // on its way counts
    outbox->take(Played::receipt_for(played.streamed_at(0).id));
    EXPECT_TRUE(outbox->empty());
    EXPECT_EQ(played.count(played.receipts), 1u);
    outbox->take(Played::receipt_for(played.streamed_at(0).id));
    EXPECT_EQ(played.count(played.receipts), 1u) << "a repeat changes nothing";
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge));
}

TEST_F(OutboxTest, AForgedReceiptProvesNothing) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    Receipt forged = Played::receipt_for(played.streamed_at(0).id);
    forged.received += Milliseconds{1};
    outbox->take(forged);
    EXPECT_FALSE(outbox->empty());
    EXPECT_EQ(played.count(played.receipts), 0u);
}

TEST_F(OutboxTest, WithoutAStreamItCalls) {
    played.stream_open = false;
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    EXPECT_TRUE(outbox->empty());
}

TEST_F(OutboxTest, TriesUntilSomebodyAnswers) {
    played.stream_open = false;
    played.reachable = false;
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{6000}), proof_of(1));
    std::this_thread::sleep_for(Milliseconds{700});
    EXPECT_EQ(played.count(played.receipts), 0u);
    played.reachable = true;
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
}

TEST_F(OutboxTest, BusyMeansLater) {
    played.stream_open = false;
    played.answering = false;
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{6000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.called) >= 2; }));
    played.answering = true;
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
}

TEST_F(OutboxTest, WhatIsBusyIsSentAgainOverTheSession) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    outbox->add(check, device(1), in(Milliseconds{20'000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->take(
        Refusal{wire::RefusalReason::busy, "later", played.streamed_at(0).id, Milliseconds{50}});
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 2; }));
    EXPECT_EQ(played.streamed_at(1).id, played.streamed_at(0).id);
    EXPECT_EQ(played.count(played.called), 0U) << "calls wait behind what sessions bring";

    outbox->connected(verifier_key.public_key());
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 3; }));
    EXPECT_EQ(played.count(played.called), 0U) << "another session may be alive";
    ASSERT_TRUE(eventually([&] { return played.count(played.called) == 1; }, Milliseconds{8'000}));
    EXPECT_EQ(played.count(played.streamed), 3U) << "one that leaves it without a reply may not";
}

TEST_F(OutboxTest, AFinalRefusalEndsIt) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->take(
        Refusal{wire::RefusalReason::foreign_challenge, "not yours", played.streamed_at(0).id, {}});
    EXPECT_TRUE(outbox->empty());
    ASSERT_EQ(played.count(played.refusals), 1u);
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge)) << "never again with the same bytes";
}

TEST_F(OutboxTest, OneRefusedProofDoesNotCostItsNeighbours) {
    const auto outbox = open();
    const auto answer_together = [&](std::uint64_t ref) {
        const OpenCheck check = check_of({.ref = ref});
        for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}})
            outbox->expect(check, device(d));
        for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{3}}) {
            Proof proof = proof_of(d);
            proof.challenge.bytes[0] = static_cast<std::uint8_t>(ref);
            outbox->add(check, device(d), in(Milliseconds{3000}), proof);
        }
    };
    answer_together(1);
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    const auto refuse = [&](const SignedAnswer& answer) {
        outbox->take(
            Refusal{wire::RefusalReason::unknown_device, "device 2 is retired", answer.id, {}});
    };
    refuse(played.streamed_at(0));
    EXPECT_EQ(played.count(played.refusals), 0u);
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 4; }));
    for (std::size_t i = 1; i < 4; ++i) {
        const SignedAnswer& answer = played.streamed_at(i);
        ASSERT_EQ(answer.answer.proofs.size(), 1u);
        EXPECT_TRUE(VerifyingKey{node_key.public_key()}.verifies(
            signed_bytes(network, answer.answer), answer.signature));
        if (answer.answer.proofs[0].device == device(2))
            refuse(answer);
        else
            outbox->take(Played::receipt_for(answer.id));
    }
    EXPECT_EQ(played.count(played.receipts), 2u);
    EXPECT_EQ(played.count(played.refusals), 1u);
    EXPECT_TRUE(outbox->empty());

    // The next time the refused device shares no answer.
    answer_together(2);
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 6; }));
    for (std::size_t i = 4; i < 6; ++i) {
        const auto& proofs = played.streamed_at(i).answer.proofs;
        const bool alone = proofs.size() == 1 && proofs[0].device == device(2);
        EXPECT_TRUE(alone || proofs.size() == 2) << proofs.size();
    }
}

TEST_F(OutboxTest, ARefusedAnswerIsNotDividedAfterItsDeadline) {
    const auto outbox = open();
    const OpenCheck check = check_of({});
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}})
        outbox->expect(check, device(d));
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}})
        outbox->add(check, device(d), in(Milliseconds{150}), proof_of(d));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    std::this_thread::sleep_for(Milliseconds{200});
    outbox->take(
        Refusal{wire::RefusalReason::check_closed, "too late", played.streamed_at(0).id, {}});
    EXPECT_TRUE(outbox->empty());
    EXPECT_EQ(played.count(played.refusals), 1u);
}

TEST_F(OutboxTest, ChecksOfTwoDevicesWithOneNumberAreTwoAnswers) {
    const auto outbox = open();
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}})
        outbox->expect(check_of({.kind = CheckKind::spot, .device = device(d)}), device(d));
    for (const std::uint8_t d : {std::uint8_t{1}, std::uint8_t{2}})
        outbox->add(check_of({.kind = CheckKind::spot, .device = device(d)}), device(d),
                    in(Milliseconds{3000}), proof_of(d));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 2; }));
    EXPECT_EQ(played.streamed_at(0).answer.proofs.size(), 1u);
    EXPECT_EQ(played.streamed_at(1).answer.proofs.size(), 1u);
}

TEST_F(OutboxTest, BigProofsAreDividedBelowTheMessageLimit) {
    played.stream_open = false;
    const auto outbox = open();
    const OpenCheck check = check_of({.k = 4096});
    for (std::uint8_t d = 1; d <= 40; ++d) outbox->expect(check, device(d));
    for (std::uint8_t d = 1; d <= 40; ++d) {
        Proof proof = proof_of(d);
        proof.nonces.assign(4096, UINT64_MAX);  // ten bytes each, at their longest
        outbox->add(check, device(d), in(Milliseconds{5000}), proof);
    }
    ASSERT_TRUE(eventually([&] { return outbox->empty(); }));
    std::size_t proofs = 0;
    for (const SignedAnswer& answer : played.called) {
        EXPECT_LE(answer.answer.proofs.size() * 4096 * 10, 512u * 1024);
        proofs += answer.answer.proofs.size();
    }
    EXPECT_EQ(proofs, 40u);
    EXPECT_LE(played.largest_call, 1024u * 1024);
}

TEST_F(OutboxTest, AChangedReceiptKeyIsUsed) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->connected(SigningKey{KeySeed{{3}}}.public_key());
    outbox->take(Played::receipt_for(played.streamed_at(0).id));
    EXPECT_FALSE(outbox->empty()) << "the old key signs no receipts any more";
    outbox->connected(verifier_key.public_key());
    EXPECT_TRUE(eventually([&] { return outbox->empty(); }));
}

TEST_F(OutboxTest, AnUnknownNodeIsEnrolledAndTheAnswerSentAgain) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{6000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->take(Refusal{wire::RefusalReason::unknown_node, "who?", played.streamed_at(0).id, {}});
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    EXPECT_EQ(played.count(played.refusals), 0u);
}

TEST_F(OutboxTest, TheDeadlineEndsIt) {
    played.stream_open = false;
    played.reachable = false;
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{100}), proof_of(1));
    EXPECT_TRUE(eventually([&] { return outbox->empty(); }));
    EXPECT_EQ(played.undelivered, 1);
}

}  // namespace
}  // namespace vigil::node
