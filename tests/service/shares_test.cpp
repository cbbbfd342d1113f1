#include <chrono>
#include <deque>
#include <future>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

std::chrono::system_clock::time_point soon() { return std::chrono::system_clock::now() + 10s; }

/// Asks for the checks of a node's first device.
grpc::Status list_checks(const World& world, const TestNode& of) {
    v1::QueryService::Stub stub{world.connect()};
    grpc::ClientContext context;
    context.set_deadline(soon());
    v1::ListChecksRequest request;
    request.set_device_id(wire::raw(of.devices[0]));
    v1::ListChecksResponse response;
    return stub.ListChecks(&context, request, &response);
}

grpc::Status get_network(const World& world) {
    v1::QueryService::Stub stub{world.connect()};
    grpc::ClientContext context;
    context.set_deadline(soon());
    v1::GetNetworkResponse response;
    return stub.GetNetwork(&context, {}, &response);
}

struct Shares : ::testing::Test {
    void start(const WorldOptions& options) {
        world.emplace(options);
        node.emplace(world->connect(), std::uint8_t{1});
        ASSERT_TRUE(node->enrol().ok());
        ASSERT_EQ(node->open_checks().size(), 1U);  // the window's plan is known now
        EXPECT_TRUE(eventually([&] { return world->service->stats().calls == 0; }));
    }
    void expect_nodes_served() {
        v1::GetOpenChecksResponse response;
        const grpc::Status checks = node->open_checks(response);
        EXPECT_TRUE(checks.ok()) << checks.error_message();
        EXPECT_EQ(response.open_checks_size(), 1);
        EXPECT_TRUE(get_network(*world).ok());
    }
    void expect_place() {
        EXPECT_TRUE(eventually([&] { return list_checks(*world, *node).ok(); }));
    }
    /// Questions that stand still in the store.
    void ask(int questions) {
        for (int i = 0; i < questions; ++i)
            asked.push_back(
                std::async(std::launch::async, [&] { return list_checks(*world, *node); }));
    }

    std::optional<World> world;
    std::optional<TestNode> node;
    std::vector<std::future<grpc::Status>> asked;
};

TEST_F(Shares, QuestionsKeepNobodyFromChecks) {
    start({});
    const std::uint64_t before = world->store.reads();
    world->store.hold_reads();
    ask(4);
    EXPECT_TRUE(eventually([&] { return world->store.reads() == before + 2; }));
    expect_nodes_served();
    world->store.release_reads();
    for (auto& question : asked) EXPECT_TRUE(question.get().ok());
}

TEST_F(Shares, QuestionsLeaveTheStoreToWhoDecides) {
    start({});
    const std::uint64_t before = world->store.reads();
    world->store.hold_reads();
    ask(4);
    EXPECT_TRUE(eventually([&] { return world->store.reads() == before + 2; }));
    TestNode other{world->connect(), 2};
    auto enrolled = std::async(std::launch::async, [&] { return other.enrol(); });
    EXPECT_TRUE(eventually([&] { return world->store.reads() == before + 3; }))
        << "it waits behind the questions, not for the store";
    world->store.release_reads();
    EXPECT_TRUE(enrolled.get().ok());
}

TEST_F(Shares, StoreThatStandsStillKeepsNobodyFromChecks) {
    start({});
    std::vector<std::unique_ptr<TestNode>> nodes;
    for (std::uint8_t seed = 2; seed < 5; ++seed) {
        nodes.push_back(std::make_unique<TestNode>(world->connect(), seed));
        ASSERT_TRUE(nodes.back()->enrol().ok());
    }
    const std::uint64_t before = world->store.reads();
    world->store.hold_reads();
    std::vector<std::future<grpc::Status>> enrolments;
    for (const auto& each : nodes)
        enrolments.push_back(std::async(std::launch::async, [&] { return each->enrol(2); }));
    EXPECT_TRUE(eventually([&] { return world->store.reads() > before; }));
    expect_nodes_served();
    world->store.release_reads();
    for (auto& enrolment : enrolments) EXPECT_TRUE(enrolment.get().ok());
}

/// Of `questions`, while the store stands still: how many are told to come back.
int refused_of(Shares& shares, int questions, int expected) {
    shares.world->store.hold_reads();
    shares.ask(questions);
    EXPECT_TRUE(eventually([&] {
        return shares.world->refused(RefusalReason::busy) == static_cast<std::uint64_t>(expected);
    }));
    shares.world->store.release_reads();
    int refused = 0;
    for (auto& question : shares.asked) {
        const grpc::Status status = question.get();
        if (status.ok()) continue;
        ++refused;
        EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
        EXPECT_TRUE(refusal_of(status) && refusal_of(status)->retry_after > 0ms);
    }
    return refused;
}

TEST_F(Shares, PeerHasSoManyQuestionsAtOnce) {
    WorldOptions options;
    options.service.queries_of_peer = 3;
    start(options);
    EXPECT_EQ(refused_of(*this, 5, 2), 2);
    expect_place();
}

TEST_F(Shares, AllHaveSoManyQuestionsAtOnce) {
    WorldOptions options;
    options.service.queries = 3;
    options.service.limits_per_peer = false;
    start(options);
    EXPECT_EQ(refused_of(*this, 5, 2), 2);
    expect_place();
}

TEST_F(Shares, PeerHasSoManyCallsAtOnce) {
    WorldOptions options;
    options.service.calls_of_peer = 3;
    start(options);
    EXPECT_EQ(refused_of(*this, 5, 2), 2);
    expect_place();
}

TEST_F(Shares, PeerLeavesThreadsToOthers) {
    WorldOptions options;
    options.service.work_of_peer = 3;
    start(options);
    world->store.hold_reads();
    std::vector<std::future<grpc::Status>> enrolments;
    for (int i = 0; i < 5; ++i)
        enrolments.push_back(std::async(std::launch::async, [&] {
            return TestNode{world->connect(), std::uint8_t{9}}.enrol();
        }));
    EXPECT_TRUE(eventually([&] { return world->refused(RefusalReason::busy) == 2; }));
    world->store.release_reads();
    int served = 0;
    for (auto& enrolment : enrolments)
        served += enrolment.get().error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED;
    EXPECT_EQ(served, 3);
}

TEST_F(Shares, ConnectionHasSoManyStreamsAtOnce) {
    start({});
    std::deque<TestSession> sessions;
    for (int i = 0; i < 32; ++i) sessions.emplace_back(*node, 60s).hello();
    auto greeted = std::async(std::launch::async, [&] {
        TestSession{*node, 60s}.hello();
    });  // waits its turn
    EXPECT_EQ(greeted.wait_for(300ms), std::future_status::timeout);
    sessions.pop_front();
    greeted.get();
}

/// A call whose response is never read, over a connection that has room for none of it.
class Unread {
public:
    explicit Unread(const World& world) : stub_{world.connect(narrow())} {
        context_.set_deadline(std::chrono::system_clock::now() + 60s);
        call_ = stub_.PrepareCall(&context_, "/vigil.v1.QueryService/ListDevices", &queue_);
        call_->StartCall(call_.get());
        EXPECT_TRUE(wait());
        v1::ListDevicesRequest request;
        request.set_page_size(1'000);
        const grpc::Slice bytes{request.SerializeAsString()};
        call_->WriteLast(grpc::ByteBuffer{&bytes, 1}, {}, call_.get());
        EXPECT_TRUE(wait());
    }
    ~Unread() {
        context_.TryCancel();
        queue_.Shutdown();
        void* tag{};
        bool ok{};
        while (queue_.Next(&tag, &ok)) continue;
    }

private:
    static grpc::ChannelArguments narrow() {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
        arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 16);
        return arguments;
    }
    bool wait() {
        void* tag{};
        bool ok{};
        return queue_.Next(&tag, &ok) && ok;
    }

    grpc::GenericStub stub_;
    grpc::ClientContext context_;
    grpc::CompletionQueue queue_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

TEST_F(Shares, CallWhoseResponseIsNeverTakenEnds) {
    WorldOptions options;
    options.service.call_within = 2s;
    options.service.queries = 1;
    start(options);
    TestNode large{world->connect(), 2, 64};
    ASSERT_TRUE(large.enrol().ok());
    const Unread unread{*world};
    EXPECT_TRUE(eventually([&] { return world->service->stats().calls == 1; }));
    EXPECT_EQ(list_checks(*world, *node).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
        << "it has its place until its response was taken";
    expect_nodes_served();
    EXPECT_TRUE(eventually([&] { return world->service->stats().calls == 0; }, 10s));
    expect_place();
}

TEST_F(Shares, AnswersInTheNameOfANodeLeaveRoomForItsSession) {
    WorldOptions options;
    options.answers.queue_limit = 4;
    start(options);
    TestSession session{*node};
    const wire::OpenCheck check = checks_of(session.open()).at(0);
    wire::SignedAnswer forged = node->answer(check);
    forged.signature.bytes[0] ^= 1;

    std::promise<void> stands_still, go;  // the judging thread, in a reply
    world->answers.submit(
        {.node = {}, .answer = {{Proof{}}}, .signature = {}, .received = world->clock.now()},
        [&](const AnswerReply&) {
            stands_still.set_value();
            go.get_future().wait();
        });
    stands_still.get_future().wait();
    v1::SubmitAnswersResponse outcomes;
    auto flood = std::async(std::launch::async, [&] {
        TestNode stranger{world->connect(), 1};
        return stranger.submit(std::vector(9, to_proto(forged)), outcomes);
    });
    EXPECT_TRUE(eventually([&] { return world->refused(RefusalReason::busy) == 5; }));
    ASSERT_TRUE(session.send(node->answer(check)));
    v1::SessionRequest ping;
    ping.mutable_ping();
    ASSERT_TRUE(session.send(ping));
    ASSERT_TRUE(session.next(v1::SessionResponse::kPong));
    go.set_value();
    EXPECT_TRUE(session.next(v1::SessionResponse::kReceipt));
    EXPECT_TRUE(flood.get().ok());
    EXPECT_EQ(world->refused(RefusalReason::busy), 5U);
    EXPECT_EQ(world->refused(RefusalReason::wrong_signature), 4U);
}

TEST_F(Shares, StoppingLeavesCalibrationsThatWaitForTheStoreBehind) {
    start({});
    const std::uint64_t before = world->store.reads();
    world->store.hold_reads();
    TestNode& of = *node;
    std::vector<std::unique_ptr<TestSession>> sessions;
    for (int i = 0; i < 30; ++i) {
        sessions.push_back(std::make_unique<TestSession>(of));
        sessions.back()->open();
    }
    EXPECT_TRUE(eventually([&] { return world->store.reads() > before; }));
    world->service->drain();
    const std::uint64_t drained = world->store.reads();
    world->store.fails_to_read = true;
    world->store.release_reads();
    world->service->stop();
    EXPECT_LE(world->store.reads(), drained + 2) << "each may take seconds in failing";
}

}  // namespace
}  // namespace vigil::verifier::test
