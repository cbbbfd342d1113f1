#include <chrono>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <thread>

#include "proto/edge/files.hpp"
#include "proto/signed_texts.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using Case = v1::SessionResponse;

std::vector<wire::OpenCheck> checks_of(const v1::SessionOpened& opened) {
    std::vector<wire::OpenCheck> checks;
    for (const v1::OpenCheck& check : opened.open_checks())
        checks.push_back(wire::open_check_from_proto(check).value());
    return checks;
}

/// Waits, bounded, for what another thread brings about.
bool eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

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
        const auto judged = session.next(Case::kJudged);
        ASSERT_TRUE(judged);
        EXPECT_EQ(judged->judged().verdict(), v1::VERDICT_PASSED);
        EXPECT_EQ(world.roster.device(*check.device)->baseline, judged->judged().rate());
        // 2,000 hashes in a second, estimated from the eight best.
        EXPECT_GT(judged->judged().rate(), 500U);
        EXPECT_LT(judged->judged().rate(), 8'000U);
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
    for (int i = 0; i < 2; ++i) {
        const auto judged = session.next(Case::kJudged);
        ASSERT_TRUE(judged);
        EXPECT_EQ(judged->judged().kind(), v1::CHECK_KIND_ROLL_CALL);
        EXPECT_NE(judged->judged().baseline(), 0U);
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

TEST(Session, NotOpenedInTimeEnds) {
    WorldOptions options;
    options.service.open_within = 300ms;
    World world{options};
    TestNode node{world.connect(), 1};
    TestSession session{node};
    session.hello();
    const grpc::Status status = session.finish();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::not_opened);
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 0; }));
}

TEST(Session, SilentForTooLongEnds) {
    WorldOptions options;
    options.service.idle_after = 300ms;
    World world{options};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
    EXPECT_TRUE(eventually([&] { return world.service->stats().open_sessions == 0; }));
}

TEST(Session, OldVersionIsRefused) {
    WorldOptions options;
    options.service.minimum_node_version = "0.9.12";
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

TEST(Session, GarbageEndsOnlyItself) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession bystander{node};
    bystander.open();

    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    grpc::GenericStub stub{node.channel};
    grpc::CompletionQueue queue;
    const auto stream = stub.PrepareCall(&context, "/vigil.v1.NodeService/Session", &queue);
    const auto wait = [&] {
        void* tag{};
        bool ok{};
        return queue.Next(&tag, &ok) && ok;
    };
    stream->StartCall(stream.get());
    ASSERT_TRUE(wait());
    const std::string garbage = "\xff\xff\xff\xff garbage";
    const grpc::Slice slice{garbage};
    stream->Write(grpc::ByteBuffer{&slice, 1}, stream.get());
    ASSERT_TRUE(wait());
    grpc::ByteBuffer hello, nothing;
    stream->Read(&hello, stream.get());
    ASSERT_TRUE(wait());
    stream->Read(&nothing, stream.get());
    ASSERT_FALSE(wait());
    grpc::Status status;
    stream->Finish(&status, stream.get());
    ASSERT_TRUE(wait());
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::malformed);

    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(bystander.next(Case::kCheck));
}

TEST(Session, MessageOverAMebibyteEndsIt) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    Answer answer;
    answer.proofs.assign(40, Proof{{}, {}, std::vector<std::uint64_t>(4'000, 7), 0});
    session.send(node.sign(answer));
    EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 0; }));
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

TEST(Session, MoreStreamsThanTheLimitAreRefused) {
    WorldOptions options;
    options.service.max_streams = 2;
    World world{options};
    TestNode node{world.connect(), 1};
    TestSession first{node}, second{node};
    first.hello();
    second.hello();
    TestSession third{node};
    const grpc::Status status = third.finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::busy);
    EXPECT_GT(refusal_of(status)->retry_after, 0ms);
}

TEST(Session, MoreAnswersInFlightThanTheLimitAreRefusedAsBusy) {
    WorldOptions options;
    options.service.answers_in_flight = 2;
    World world{options};
    TestNode node{world.connect(), 1, 3};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    const auto calibrations = checks_of(session.open());
    ASSERT_EQ(calibrations.size(), 3U);
    world.store.hold();
    for (const wire::OpenCheck& check : calibrations) ASSERT_TRUE(session.send(node.answer(check)));
    const auto refusal = session.next(Case::kRefusal);
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->refusal().reason(), v1::REFUSAL_REASON_BUSY);
    EXPECT_GT(refusal->refusal().retry_after_ms(), 0U);
    world.store.release();
    EXPECT_TRUE(session.next(Case::kReceipt));
    EXPECT_TRUE(session.next(Case::kReceipt));
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

TEST(Session, ReaderThatStopsIsDroppedAndHoldsNobodyUp) {
    World world;
    grpc::ChannelArguments small_window;
    small_window.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    small_window.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 16'384);
    TestNode slow{world.connect(small_window), 1};
    TestNode quick{world.connect(), 2};
    ASSERT_TRUE(slow.enrol().ok());
    ASSERT_TRUE(quick.enrol().ok());
    TestSession stuck{slow, 60s};
    stuck.open();
    TestSession reading{quick, 60s};
    reading.open();

    const FleetCheck fleet = world.begin_fleet_check(CheckKind::hourly);
    const Outlets outlets = world.service->outlets();
    // What the transport buffers is the client's affair; each round is read by the quick one first.
    bool dropped = false;
    for (int i = 0; i < 30'000 && !dropped; ++i) {
        outlets.fleet_check(*world.plan(), fleet);
        ASSERT_TRUE(reading.next(Case::kCheck));
        dropped = world.service->stats().slow_readers_dropped > 0;
    }
    EXPECT_TRUE(dropped);
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }));
}

TEST(Session, DrainingSaysReconnectAndStops) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    world.service->drain();
    const auto reconnect = session.next(Case::kReconnect);
    ASSERT_TRUE(reconnect);
    EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    const auto begun = std::chrono::steady_clock::now();
    world.service->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
    // Nothing to tell any more, and nothing breaks.
    world.service->outlets().fleet_check(*world.plan(), world.plan()->fleet.at(0));
}

TEST(Session, StopsWithinItsTimeThoughANodeStaysOn) {
    WorldOptions options;
    options.service.drain = 500ms;
    World world{options};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    const auto begun = std::chrono::steady_clock::now();
    world.service->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
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

TEST(Service, TakenPortIsFatal) {
    World world;
    ServiceOptions options;
    options.address = "127.0.0.1";
    options.port = world.service->port();
    Service second{options,
                   world.store,
                   world.roster,
                   world.schedule,
                   world.answers,
                   [&] { return world.clock.now(); },
                   {}};
    try {
        second.start();
        FAIL() << "two services on one port";
    } catch (const edge::Fatal& fatal) {
        EXPECT_EQ(fatal.code, "E-PORT");
    }
}

}  // namespace
}  // namespace vigil::verifier::test
