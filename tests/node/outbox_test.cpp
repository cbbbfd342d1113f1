#include "node/outbox.hpp"

#include <atomic>
#include <future>
#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::check_of;
using test::eventually;
using test::Folder;

const SigningKey node_key{KeySeed{{1}}};
const SigningKey verifier_key{KeySeed{{2}}};
const NetworkId network = network_id("test");

DeviceId device(std::uint8_t fill) {
    DeviceId id;
    id.bytes.fill(fill);
    return id;
}
Proof proof_of(std::uint8_t fill) {
    Challenge challenge;
    challenge.bytes.fill(fill);
    return {device(fill), challenge, {1, 2, 3}, 100};
}

/// A verifier that the test plays.
struct Played {
    std::mutex mutex;
    std::vector<SignedAnswer> streamed, called;
    std::vector<Receipt> receipts;
    std::vector<Refusal> refusals;
    int undelivered = 0;
    std::size_t largest_call = 0;  ///< bytes of nonces
    std::atomic<bool> stream_open{true};
    std::atomic<bool> reachable{true};
    std::atomic<bool> answering{true};  ///< calls bring receipts; else a refusal with retry

    static Receipt receipt_for(const AnswerId& id) {
        const Instant received = instant_from_ms(5);
        return {id, received, verifier_key.sign(receipt_bytes(network, id, received))};
    }

    AnswerWays ways() {
        return {.stream =
                    [this](const SignedAnswer& answer) {
                        if (!stream_open) return false;
                        const std::lock_guard lock{mutex};
                        streamed.push_back(answer);
                        return true;
                    },
                .call = [this](std::span<const SignedAnswer> answers)
                    -> Expected<std::vector<AnswerOutcome>, std::string> {
                    if (!reachable) return tl::unexpected{std::string{"no route"}};
                    const std::lock_guard lock{mutex};
                    std::vector<AnswerOutcome> outcomes;
                    std::size_t bytes = 0;
                    for (const SignedAnswer& answer : answers)
                        for (const Proof& proof : answer.answer.proofs)
                            bytes += 10 * proof.nonces.size();
                    largest_call = std::max(largest_call, bytes);
                    for (const SignedAnswer& answer : answers) {
                        called.push_back(answer);
                        if (answering)
                            outcomes.emplace_back(receipt_for(answer.id));
                        else
                            outcomes.emplace_back(Refusal{wire::RefusalReason::busy, "later",
                                                          answer.id, Milliseconds{50}});
                    }
                    return outcomes;
                }};
    }
    OutboxEvents events() {
        return {.sent = [](const SignedAnswer&) {},
                .receipted =
                    [this](const Receipt& receipt, const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        receipts.push_back(receipt);
                    },
                .refused =
                    [this](const Refusal& refusal, const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        refusals.push_back(refusal);
                    },
                .undelivered =
                    [this](const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        ++undelivered;
                    },
                .unsent = [](std::size_t) {}};
    }
    template <class Member>
    std::size_t count(const Member& member) {
        const std::lock_guard lock{mutex};
        return member.size();
    }
};

struct OutboxTest : ::testing::Test {
    Folder folder;
    Played played;
    DiskThread disk;

    std::unique_ptr<Outbox> open() { return open(played.events()); }
    std::unique_ptr<Outbox> open(OutboxEvents events) {
        return std::make_unique<Outbox>(
            OutboxPlace{network, verifier_key.public_key(), folder.path(),
                        instant_from_ms(1'700'000'000'000), steady_clock::now(), &disk},
            node_key, played.ways(), std::move(events));
    }
    std::size_t kept() { return load_outbox(folder.path(), network, node_key).answers.size(); }
};

SteadyTime in(Milliseconds time) { return steady_clock::now() + time; }

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
    const SignedAnswer& answer = played.streamed[0];
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
    EXPECT_EQ(played.streamed[1].answer.proofs, std::vector<Proof>{proof_of(2)});
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
    outbox->take(Played::receipt_for(played.streamed[0].id));
    EXPECT_TRUE(outbox->empty());
    EXPECT_EQ(played.count(played.receipts), 1u);
    outbox->take(Played::receipt_for(played.streamed[0].id));
    EXPECT_EQ(played.count(played.receipts), 1u) << "a repeat changes nothing";
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge));
}

TEST_F(OutboxTest, AForgedReceiptProvesNothing) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    Receipt forged = Played::receipt_for(played.streamed[0].id);
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

TEST_F(OutboxTest, AFinalRefusalEndsIt) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->take(
        Refusal{wire::RefusalReason::foreign_challenge, "not yours", played.streamed[0].id, {}});
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
    refuse(played.streamed[0]);
    EXPECT_EQ(played.count(played.refusals), 0u);
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 4; }));
    for (std::size_t i = 1; i < 4; ++i) {
        const SignedAnswer& answer = played.streamed[i];
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
        const auto& proofs = played.streamed[i].answer.proofs;
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
    outbox->take(Refusal{wire::RefusalReason::check_closed, "too late", played.streamed[0].id, {}});
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
    EXPECT_EQ(played.streamed[0].answer.proofs.size(), 1u);
    EXPECT_EQ(played.streamed[1].answer.proofs.size(), 1u);
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
    outbox->take(Played::receipt_for(played.streamed[0].id));
    EXPECT_FALSE(outbox->empty()) << "the old key signs no receipts any more";
    outbox->connected(verifier_key.public_key());
    EXPECT_TRUE(eventually([&] { return outbox->empty(); }));
}

TEST_F(OutboxTest, AnUnknownNodeIsEnrolledAndTheAnswerSentAgain) {
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{6000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    outbox->take(Refusal{wire::RefusalReason::unknown_node, "who?", played.streamed[0].id, {}});
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

TEST_F(OutboxTest, AnAnswerSurvivesARestart) {
    played.stream_open = false;
    played.reachable = false;
    {
        const auto outbox = open();
        outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
        std::this_thread::sleep_for(Milliseconds{200});
    }
    played.reachable = true;
    const auto outbox = open();
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge)) << "no work is done twice";
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    EXPECT_EQ(played.called.back().answer.proofs, std::vector<Proof>{proof_of(1)});
}

TEST_F(OutboxTest, ASlowDiskHoldsUpNoAnswer) {
    std::promise<void> released;
    disk.post([wait = released.get_future().share()] { wait.get(); });
    const auto outbox = open();
    for (std::uint8_t d = 1; d <= 3; ++d) {
        outbox->add(check_of({.ref = d}), device(d), in(Milliseconds{3000}), proof_of(d));
        EXPECT_TRUE(eventually([&] { return played.count(played.streamed) == d; }));
    }
    EXPECT_EQ(kept(), 0u);
    released.set_value();
    EXPECT_TRUE(eventually([&] { return kept() == 3; }));
}

TEST_F(OutboxTest, AReceiptIsOnTheDiskBeforeItsAnswerIsForgotten) {
    std::atomic<std::size_t> kept_by_then{0};
    OutboxEvents events = played.events();
    events.receipted = [&](const Receipt&, const SignedAnswer&) {
        std::this_thread::sleep_for(Milliseconds{100});  // the outbox might save meanwhile
        disk.post([&] { kept_by_then = kept(); });
    };
    const auto outbox = open(std::move(events));
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return kept() == 1; }));
    outbox->take(Played::receipt_for(played.streamed[0].id));
    EXPECT_TRUE(eventually([&] { return kept() == 0; }));
    EXPECT_EQ(kept_by_then, 1u);
}

TEST_F(OutboxTest, WhatIsAnsweredStaysAnsweredAfterARestart) {
    played.stream_open = false;
    {
        const auto outbox = open();
        outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
        ASSERT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    }
    EXPECT_TRUE(open()->settled(proof_of(1).challenge));
}

}  // namespace
}  // namespace vigil::node
