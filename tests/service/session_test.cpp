#include <chrono>
#include <gtest/gtest.h>

#include "proto/signed_texts.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using Case = v1::SessionResponse;

TEST(Session, CalibratesAnswersAndIsToldTheVerdict) {
    World world;
    TestNode node{world.connect(), 1, 2};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    const v1::SessionOpened opened = session.open();
    EXPECT_EQ(opened.network().name(), "test");
    EXPECT_EQ(opened.network().receipt_key(), wire::raw(world.receipt_key.public_key()));

    const auto calibrations = checks_of(opened);
    ASSERT_EQ(calibrations.size(), 2U);
    world.clock.advance(1s);
    for (const wire::OpenCheck& check : calibrations) {
        EXPECT_EQ(check.kind, CheckKind::calibration);
        const wire::SignedAnswer answer = node.answer(check);
        ASSERT_EQ(answer.answer.proofs.size(), 1U);
        ASSERT_TRUE(session.send(answer));
        const auto receipt = session.next(Case::kReceipt);
        ASSERT_TRUE(receipt);
        EXPECT_TRUE(
            verifies(receipt->receipt(), answer, node.network, world.receipt_key.public_key()));
        EXPECT_EQ(receipt->receipt().received_ms(), to_ms(world.clock.now()));
        ASSERT_EQ(receipt->verdicts_size(), 1);
        const v1::JudgedCheck& judged = receipt->verdicts(0);
        EXPECT_EQ(judged.verdict(), v1::VERDICT_PASSED);
        EXPECT_EQ(world.roster.device(*check.device)->baseline, judged.rate());
        // 2,000 hashes in a second, estimated from the eight best.
        EXPECT_GT(judged.rate(), 500U);
        EXPECT_LT(judged.rate(), 8'000U);
    }

    const FleetCheck fleet = world.begin_fleet_check(CheckKind::roll_call);
    const auto pushed = session.next(Case::kCheck);
    ASSERT_TRUE(pushed);
    const wire::OpenCheck check = wire::open_check_from_proto(pushed->check()).value();
    EXPECT_EQ(check.kind, CheckKind::roll_call);
    EXPECT_EQ(check.beacon, fleet.beacon);
    EXPECT_EQ(check.device, std::nullopt);
    EXPECT_EQ(check.remaining, 32s);
    world.clock.advance(1s);
    const wire::SignedAnswer answer = node.answer(check);
    ASSERT_EQ(answer.answer.proofs.size(), 2U);
    ASSERT_TRUE(session.send(answer));
    const auto receipt = session.next(Case::kReceipt);
    ASSERT_TRUE(receipt);
    EXPECT_TRUE(verifies(receipt->receipt(), answer, node.network, world.receipt_key.public_key()));
    ASSERT_EQ(receipt->verdicts_size(), 2);
    for (int i = 0; i < 2; ++i) {
        const v1::JudgedCheck& judged = receipt->verdicts(i);
        EXPECT_EQ(judged.device_id(), wire::raw(answer.answer.proofs[i].device));
        EXPECT_EQ(judged.kind(), v1::CHECK_KIND_ROLL_CALL);
        EXPECT_EQ(judged.baseline(), 0U) << "a calibration counts from the next window on";
    }
}

TEST(Session, OpenedDuringACheckIsToldOfIt) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    const FleetCheck fleet = world.begin_fleet_check(CheckKind::hourly);
    world.clock.advance(3s);
    TestSession session{node};
    const auto checks = checks_of(session.open());
    ASSERT_EQ(checks.size(), 1U);
    EXPECT_EQ(checks[0].beacon, fleet.beacon);
    EXPECT_EQ(checks[0].remaining, 11s);
}

TEST(Session, SignedForAnotherNetworkIsRefused) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.hello();
    node.network.bytes[0] ^= 1;
    session.send(session.opening());
    const grpc::Status status = session.finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::wrong_signature);
    EXPECT_EQ(world.refused(RefusalReason::wrong_signature), 1U);
}

TEST(Session, ReplayedOpeningIsRefused) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession first{node};
    first.hello();
    const v1::SessionOpen opening = first.opening();
    TestSession second{node};
    second.hello();
    EXPECT_NE(first.nonce, second.nonce);
    second.send(opening);
    const grpc::Status status = second.finish();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::wrong_signature);
}

TEST(Session, UnknownNodeIsRefused) {
    World world;
    TestNode node{world.connect(), 1};
    TestSession session{node};
    session.hello();
    session.send(session.opening());
    const grpc::Status status = session.finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::unknown_node);
}

TEST(Session, AnswerBeforeTheOpeningEndsIt) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.hello();
    session.send(node.sign({}));
    const grpc::Status status = session.finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::not_opened);
}

TEST(Session, OpenedTwiceEnds) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    session.send(session.opening());
    const grpc::Status status = session.finish();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::not_opened);
}

TEST(Session, OldVersionIsRefused) {
    WorldOptions options;
    options.service.node_versions.minimum = "0.9.12";
    World world{options};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    for (const char* version : {"0.9.11", "0.8.20", "", "new", "0.9", "0.9.12.1.1.1"}) {
        TestSession session{node};
        session.hello();
        session.send(session.opening(version));
        const grpc::Status status = session.finish();
        ASSERT_TRUE(refusal_of(status)) << version;
        EXPECT_EQ(refusal_of(status)->reason, RefusalReason::version_too_old) << version;
    }
    for (const char* version : {"0.9.12", "0.9.12-rc1", "0.10", "1"}) {
        TestSession session{node};
        session.open(version);
    }
}

TEST(Session, WhatIsRecommendedIsToldAndWhoIsOlderIsCounted) {
    WorldOptions options;
    options.service.node_versions = {"0.1", "0.10.0", "2026-12-01"};
    World world{options};
    TestNode node{world.connect(), 1}, other{world.connect(), 2};
    ASSERT_TRUE(node.enrol().ok());
    ASSERT_TRUE(other.enrol().ok());
    const auto outdated = [&] { return world.service->stats().outdated_sessions; };
    {
        TestSession old{node};
        const wire::Network told = wire::network_from_proto(old.open("0.9.9").network()).value();
        EXPECT_EQ(told.minimum_node_version, "0.1");
        EXPECT_EQ(told.recommended_node_version, "0.10.0");
        EXPECT_EQ(told.recommended_by, "2026-12-01");
        EXPECT_EQ(outdated(), 1U);
        TestSession fresh{other};
        fresh.open("0.10.1");
        EXPECT_EQ(outdated(), 1U);
    }
    EXPECT_TRUE(eventually([&] { return outdated() == 0; }));
}

TEST(Session, NewestOfANodeWins) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession older{node};
    older.open();
    TestSession newer{node};
    newer.open();
    const auto reconnect = older.next(Case::kReconnect);
    ASSERT_TRUE(reconnect);
    EXPECT_GE(reconnect->reconnect().after_ms(), 10'000U);
    EXPECT_EQ(older.finish().error_code(), grpc::StatusCode::ABORTED);
    EXPECT_EQ(world.service->stats().sessions_replaced, 1U);

    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(newer.next(Case::kCheck));
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }));
    EXPECT_EQ(world.service->stats().open_sessions, 1U);
}

TEST(Session, PingIsAnsweredWithTheVerifiersTime) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    v1::SessionRequest ping;
    ping.mutable_ping()->set_node_time_ms(77);
    ASSERT_TRUE(session.send(ping));
    const auto pong = session.next(Case::kPong);
    ASSERT_TRUE(pong);
    EXPECT_EQ(pong->pong().node_time_ms(), 77);
    EXPECT_EQ(pong->pong().verifier_time_ms(), to_ms(world.clock.now()));
}

TEST(Session, ReceiptsOfAnswersSentBeforeHalfClosingStillCome) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    const auto stream = node.stub->Session(&context);
    v1::SessionResponse hello;
    ASSERT_TRUE(stream->Read(&hello));
    v1::SessionRequest open;
    const auto nonce =
        wire::fixed_from_proto<wire::SessionNonce>(hello.hello().session_nonce(), "nonce").value();
    open.mutable_open()->set_node_id(wire::raw(node.id));
    open.mutable_open()->set_signature(
        wire::raw(node.key.sign(wire::session_text(node.network, nonce, node.id))));
    open.mutable_open()->set_node_version("1.0.0");
    ASSERT_TRUE(stream->Write(open));
    v1::SessionRequest answer;
    *answer.mutable_answer() = to_proto(node.answer(node.open_checks().at(0)));
    ASSERT_TRUE(stream->Write(answer));
    ASSERT_TRUE(stream->WritesDone());
    bool receipt = false;
    v1::SessionResponse message;
    while (stream->Read(&message)) receipt = receipt || message.has_receipt();
    EXPECT_TRUE(receipt);
    EXPECT_TRUE(stream->Finish().ok());
}

TEST(Session, LostCalibrationIsIssuedAgainAfterAnHour) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    ASSERT_EQ(checks_of(session.open()).size(), 1U);
    world.clock.advance(std::chrono::minutes{61});
    const auto pushed = session.next(Case::kCheck);
    ASSERT_TRUE(pushed);
    const wire::OpenCheck check = wire::open_check_from_proto(pushed->check()).value();
    EXPECT_EQ(check.kind, CheckKind::calibration);
    EXPECT_EQ(check.ref, 2U);
    EXPECT_EQ(check.start, world.clock.now());
}

TEST(Session, WithoutTlsServesBehindAProxy) {
    WorldOptions options;
    options.tls = false;
    World world{options};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
}

}  // namespace
}  // namespace vigil::verifier::test
