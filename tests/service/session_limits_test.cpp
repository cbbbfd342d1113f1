#include <algorithm>
#include <atomic>
#include <chrono>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <thread>

#include "proto/edge/files.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using Case = v1::SessionResponse;

TEST(SessionLimits, NotOpenedInTimeEnds) {
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

TEST(SessionLimits, SilentForTooLongEnds) {
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

TEST(SessionLimits, GarbageEndsOnlyItself) {
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

TEST(SessionLimits, MessageOverAMebibyteEndsIt) {
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

TEST(SessionLimits, MoreStreamsThanTheLimitAreRefused) {
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

TEST(SessionLimits, MoreAnswersInFlightThanTheLimitAreRefusedAsBusy) {
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

TEST(SessionLimits, ReaderThatStopsIsDroppedAndHoldsNobodyUp) {
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

TEST(Broadcast, OfAFleetCheckIsObservedOnceANetworkThread) {
    std::atomic<int> observed{0};
    std::atomic<std::chrono::steady_clock::duration> longest{0ns};
    WorldOptions options;
    options.service.network_threads = 2;
    options.broadcast = [&](auto took) {
        longest = std::max(longest.load(), took);
        ++observed;
    };
    World world{options};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    EXPECT_EQ(observed, 0);
    const auto begun = std::chrono::steady_clock::now();
    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(session.next(Case::kCheck));
    EXPECT_TRUE(eventually([&] { return observed == 2; }));
    EXPECT_GT(longest.load(), 0ns);
    EXPECT_LE(longest.load(), std::chrono::steady_clock::now() - begun);
    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(eventually([&] { return observed == 4; }));
}

TEST(SessionLimits, DrainingSaysReconnectAndStops) {
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

TEST(SessionLimits, DrainingBesideOthersLeavesNobodyWithoutASession) {
    WorldOptions options;
    options.service.others_serving = [] { return std::size_t{1}; };
    World world{options};
    std::vector<std::unique_ptr<TestNode>> nodes;
    std::vector<std::unique_ptr<TestSession>> sessions;
    for (std::uint8_t seed = 1; seed <= 8; ++seed) {
        nodes.push_back(std::make_unique<TestNode>(world.connect(), seed));
        ASSERT_TRUE(nodes.back()->enrol().ok());
        sessions.push_back(std::make_unique<TestSession>(*nodes.back()));
        sessions.back()->open();
    }
    world.service->drain();
    for (const auto& session : sessions) {
        const auto reconnect = session->next(Case::kReconnect);
        ASSERT_TRUE(reconnect);
        EXPECT_EQ(reconnect->reconnect().after_ms(), 0U) << "a check may start meanwhile";
        EXPECT_EQ(session->finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    }
}

TEST(SessionLimits, StopsWithinItsTimeThoughANodeStaysOn) {
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
