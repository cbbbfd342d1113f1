#include "verifier/service/peers.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

TEST(Peers, AreAnAddressOrTheNetworkOfAnIpv6Address) {
    EXPECT_EQ(peer_of("ipv4:192.0.2.7:50123"), "ipv4:192.0.2.7");
    EXPECT_EQ(peer_of("ipv4:192.0.2.7:50123"), peer_of("ipv4:192.0.2.7:9"));
    EXPECT_EQ(peer_of("ipv6:%5B2001:db8:1:2:aaaa::7%5D:50123"), "ipv6:2001:db8:1:2::");
    EXPECT_EQ(peer_of("ipv6:[2001:db8:1:2:bbbb::8]:9"), "ipv6:2001:db8:1:2::");
    EXPECT_NE(peer_of("ipv6:[2001:db8:1:3::8]:9"), "ipv6:2001:db8:1:2::");
    EXPECT_EQ(peer_of("ipv6:%5Bfe80::1%25eth0%5D:9"), "ipv6:fe80::");
    EXPECT_EQ(peer_of("ipv6:%5B::ffff:192.0.2.7%5D:50123"), "ipv4:192.0.2.7");
    for (const char* other : {"", "unix:/run/x", "ipv6:nonsense", "ipv6:[", "ipv4:"})
        EXPECT_NO_THROW(peer_of(other)) << other;
    EXPECT_EQ(peer_of("unix:/run/x"), "unix:/run/x");
}

TEST(Peers, SocketHasOneForm) {
    const auto ipv4 = peer_socket("ipv4:192.0.2.7:50123");
    ASSERT_TRUE(ipv4);
    EXPECT_EQ(ipv4->port, 50123);
    EXPECT_EQ(*ipv4, (PeerSocket{edge::mapped({192, 0, 2, 7}), 50123}));
    EXPECT_EQ(*ipv4, peer_socket("ipv6:%5B::ffff:192.0.2.7%5D:50123"));
    EXPECT_NE(*ipv4, peer_socket("ipv4:192.0.2.7:50124"));
    EXPECT_NE(*ipv4, peer_socket("ipv4:192.0.2.8:50123"));
    EXPECT_EQ(peer_socket("ipv6:[2001:db8::1]:9"), peer_socket("ipv6:%5B2001:db8:0::1%5D:9"));
    EXPECT_EQ(peer_socket("ipv6:%5Bfe80::1%25eth0%5D:9"), peer_socket("ipv6:[fe80::1]:9"));
    for (const char* other : {"", "unix:/run/x", "ipv6:[", "ipv4:", "ipv4:192.0.2.7",
                              "ipv4:1.2.3:9", "ipv4:192.0.2.7:99999", "ipv4:192.0.2.7:9x"})
        EXPECT_FALSE(peer_socket(other)) << other;
}

TEST(Peers, NobodyUsesUpTheShareOfAnothersNode) {
    Submissions submissions{/*of_node=*/4, /*of_peer=*/6};
    const NodeId node{{1}}, another{{2}};
    EXPECT_EQ(submissions.enter("stranger", node, 9), 4U);
    EXPECT_EQ(submissions.enter("stranger", another, 9), 2U);
    EXPECT_EQ(submissions.enter("owner", node, 3), 3U);
    submissions.leave("stranger", node);
    EXPECT_EQ(submissions.enter("stranger", another, 9), 1U);
}

/// A stranger who names a node must not use up its share where the two cannot be told apart.
TEST(Peers, WhoCannotBeToldApartIsNotCounted) {
    Submissions submissions{/*of_node=*/4, /*of_peer=*/6};
    const NodeId node{{1}};
    EXPECT_EQ(submissions.enter("", node, 64), 64U) << "a stranger, perhaps";
    EXPECT_EQ(submissions.enter("", node, 64), 64U) << "the node";
    submissions.leave("", node);
    EXPECT_EQ(submissions.enter("owner", node, 4), 4U);
}

TEST(Peers, TallyKeepsOnlyWhatIsUnderWay) {
    Tally<std::string> tally{2};
    EXPECT_EQ(tally.enter("a"), 1U);
    EXPECT_EQ(tally.enter("a"), 1U);
    EXPECT_EQ(tally.enter("a"), 0U);
    EXPECT_EQ(tally.enter("b", 0), 0U);
    EXPECT_EQ(tally.keys(), 1U);
    tally.leave("a", 2);
    EXPECT_EQ(tally.keys(), 0U);
}

/// Answers of one device each to the calibrations that enrolling brought.
std::vector<v1::SignedAnswer> one_each(TestNode& node) {
    std::vector<v1::SignedAnswer> answers;
    for (const wire::OpenCheck& check : node.open_checks())
        answers.push_back(to_proto(node.answer(check)));
    return answers;
}

struct Outcomes {
    int receipts = 0, busy = 0;
};

Outcomes submit(TestNode& node, const std::vector<v1::SignedAnswer>& answers) {
    Outcomes out;
    v1::SubmitAnswersResponse response;
    EXPECT_TRUE(node.submit(answers, response).ok());
    for (const v1::AnswerOutcome& outcome : response.outcomes()) {
        out.receipts += outcome.has_receipt();
        if (outcome.refusal().reason() != v1::REFUSAL_REASON_BUSY) continue;
        ++out.busy;
        EXPECT_GT(outcome.refusal().retry_after_ms(), 0U);
    }
    return out;
}

/// Submits while nothing can be committed; once `busy` were refused, the rest is.
Outcomes submit_held(World& world, TestNode& node, const std::vector<v1::SignedAnswer>& answers,
                     std::uint64_t busy) {
    world.store.hold();
    Outcomes out;
    std::thread caller{[&] { out = submit(node, answers); }};
    EXPECT_TRUE(eventually([&] { return world.refused(RefusalReason::busy) >= busy; }));
    world.store.release();
    caller.join();
    return out;
}

TEST(PollingLimits, NodeHasSoManyAnswersUnderWay) {
    WorldOptions options;
    options.service.submitted_of_node = 3;
    World world{options};
    TestNode node{world.connect(), 1, 8};
    ASSERT_TRUE(node.enrol().ok());
    const auto answers = one_each(node);
    ASSERT_EQ(answers.size(), 8U);
    const Outcomes first = submit_held(world, node, answers, 5);
    EXPECT_EQ(first.receipts, 3);
    EXPECT_EQ(first.busy, 5);
    // What was refused is taken afterwards.
    EXPECT_EQ(submit(node, {answers[5], answers[6], answers[7]}).receipts, 3);
}

TEST(PollingLimits, PeerHasSoManyAnswersUnderWayWhateverNodesItNames) {
    WorldOptions options;
    options.service.submitted_of_peer = 5;
    World world{options};
    TestNode one{world.connect(), 1, 4}, two{world.connect(), 2, 4};
    ASSERT_TRUE(one.enrol().ok());
    ASSERT_TRUE(two.enrol().ok());
    const auto of_one = one_each(one), of_two = one_each(two);
    world.store.hold();
    Outcomes first, second;
    std::thread first_caller{[&] { first = submit(one, of_one); }};
    std::thread second_caller{[&] { second = submit(two, of_two); }};
    EXPECT_TRUE(eventually([&] { return world.refused(RefusalReason::busy) >= 3; }));
    world.store.release();
    first_caller.join();
    second_caller.join();
    EXPECT_EQ(first.receipts + second.receipts, 5);
    EXPECT_EQ(first.busy + second.busy, 3);
    EXPECT_EQ(submit(one, of_one).receipts, 4);
    EXPECT_EQ(submit(two, of_two).receipts, 4);
}

TEST(PollingLimits, BehindAProxyPeersAreNotCounted) {
    for (const bool tls : {true, false}) {
        WorldOptions options;
        options.tls = tls;
        options.service.limits_per_peer = !tls;
        options.service.submitted_of_node = 1;
        options.service.submitted_of_peer = 1;
        options.service.unopened_of_peer = 1;
        World world{options};
        TestNode node{world.connect(), 1, 4};
        ASSERT_TRUE(node.enrol().ok());
        EXPECT_EQ(submit(node, one_each(node)).receipts, 4);
        TestSession first{node}, second{node};
        first.hello();
        second.hello();
    }
}

TEST(PollingLimits, BytesOfAllAnswersAreBounded) {
    WorldOptions options;
    // An answer of eight nonces takes 208 bytes, and those of pollers have a quarter of all.
    options.answers.bytes_limit = 4 * (3 * 208 + 100);
    World world{options};
    TestNode node{world.connect(), 1, 8};
    ASSERT_TRUE(node.enrol().ok());
    const auto answers = one_each(node);
    const Outcomes first = submit_held(world, node, answers, 5);
    EXPECT_EQ(first.receipts, 3);
    EXPECT_EQ(first.busy, 5);
    EXPECT_EQ(submit(node, {answers[5], answers[6], answers[7]}).receipts, 3);
}

TEST(SessionLimits, PeerHasSoManyUnopenedSessions) {
    WorldOptions options;
    options.service.unopened_of_peer = 2;
    World world{options};
    TestNode node{world.connect(), 1}, other{world.connect(), 2};
    ASSERT_TRUE(node.enrol().ok());
    TestSession opening{node}, waiting{node};
    opening.hello();
    waiting.hello();
    {
        TestSession third{other};
        const grpc::Status status = third.finish();
        EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
        ASSERT_TRUE(refusal_of(status));
        EXPECT_EQ(refusal_of(status)->reason, RefusalReason::busy);
        EXPECT_GT(refusal_of(status)->retry_after, 0ms);
    }
    // One that is opened makes room, and so does one that ends.
    ASSERT_TRUE(opening.send(opening.opening()));
    ASSERT_TRUE(opening.next(v1::SessionResponse::kOpened));
    std::optional<TestSession> fourth{std::in_place, other};
    fourth->hello();
    fourth.reset();
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 2; }));
    TestSession fifth{other};
    fifth.hello();
}

}  // namespace
}  // namespace vigil::verifier::test
