#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

/// Of a node that nobody knows: refused by the judging thread, which waits in its reply.
ArrivedAnswer stranger(Instant received) {
    return {.node = {}, .answer = {{Proof{}}}, .signature = {}, .received = received};
}

/// An answer whose reply takes until the test lets it go.
struct SlowReply {
    std::promise<void> begun, go;
    Answers::Reply reply() {
        return [this](const AnswerReply&) {
            begun.set_value();
            go.get_future().wait();
        };
    }
};

TEST(Settling, WaitsForWhatWasReceivedByThen) {
    World world;
    const Instant closes = world.clock.now();
    SlowReply slow;
    world.answers.submit(stranger(closes), slow.reply());
    slow.begun.get_future().wait();
    EXPECT_FALSE(world.answers.settle(closes, 50ms));
    EXPECT_TRUE(world.answers.settle(closes - 1ms, 0ms));
    std::thread later{[&] { slow.go.set_value(); }};
    EXPECT_TRUE(world.answers.settle(closes, 20s));
    later.join();
}

// A store that stands still for seconds must not cost anybody of a large fleet its receive time.
TEST(Settling, AStandstillRefusesNobodyOfALargeFleet) {
    World world;
    constexpr std::size_t nodes = 50'000;
    const Instant received = world.clock.now();
    SlowReply slow;
    world.answers.submit(stranger(received), slow.reply());
    slow.begun.get_future().wait();
    std::atomic<std::size_t> busy{0};
    for (std::size_t i = 0; i < nodes; ++i) {
        ArrivedAnswer answer = stranger(received);
        answer.over_session = true;
        world.answers.submit(std::move(answer), [&](const AnswerReply& reply) {
            busy += std::get<Refusal>(reply.outcome).reason == RefusalReason::busy;
        });
    }
    slow.go.set_value();
    EXPECT_TRUE(world.answers.settle(received, 60s));
    EXPECT_EQ(busy, 0U);
}

// It flipped between two generations, and taken up again it waited for the newcomers as well.
TEST(Settling, TakenUpAgainDoesNotWaitForNewcomers) {
    World world;
    const Instant closes = world.clock.now();
    SlowReply first, newcomer;
    world.answers.submit(stranger(closes), first.reply());
    first.begun.get_future().wait();
    EXPECT_FALSE(world.answers.settle(closes, 10ms));
    world.answers.submit(stranger(closes + 1ms), newcomer.reply());
    first.go.set_value();
    newcomer.begun.get_future().wait();
    EXPECT_TRUE(world.answers.settle(closes, 20s));
    newcomer.go.set_value();
    EXPECT_TRUE(world.answers.settle(closes + 1ms, 20s));
}

// There is never a moment without an answer on its way.
TEST(Settling, EndsUnderAStreamOfAnswersThatNeverStops) {
    World world;
    std::atomic<bool> stop{false};
    std::atomic<std::int64_t> ms{to_ms(world.clock.now())};
    const auto send_on = [&] {
        std::optional<std::future<void>> previous;
        while (!stop) {
            const auto replied = std::make_shared<std::promise<void>>();
            auto done = replied->get_future();
            world.answers.submit(stranger(instant_from_ms(++ms)),
                                 [replied](const AnswerReply&) { replied->set_value(); });
            if (previous) previous->wait();
            previous = std::move(done);
        }
        if (previous) previous->wait();
    };
    std::vector<std::thread> senders;
    for (int i = 0; i < 3; ++i) senders.emplace_back(send_on);
    for (int window = 0; window < 20; ++window)
        EXPECT_TRUE(world.answers.settle(instant_from_ms(ms), 20s));
    stop = true;
    for (std::thread& sender : senders) sender.join();
}

// The window closed over it, although it had been received in time.
TEST(Settling, WaitsForAnAnswerWhoseNodeIsStillLookedFor) {
    World world;
    TestNode known{world.connect(), 1}, unknown{world.connect(), 2};
    ASSERT_TRUE(known.enrol().ok());
    const wire::OpenCheck check = known.open_checks().at(0);
    world.clock.advance(1s);
    const Instant received = world.clock.now();
    world.store.hold_reads();
    auto outcome =
        std::async(std::launch::async, [&] { return unknown.submit(known.answer(check)); });
    EXPECT_TRUE(eventually([&] { return world.answers.settled_until(received + 1h) < received; }))
        << "it waits for the store, and nobody waits for it";
    world.clock.advance(1s);
    EXPECT_FALSE(world.answers.settle(received, 50ms));
    EXPECT_TRUE(world.answers.settle(received - 1ms, 0ms));
    world.store.release_reads();
    EXPECT_EQ(outcome.get().refusal().reason(), v1::REFUSAL_REASON_UNKNOWN_NODE);
    EXPECT_TRUE(world.answers.settle(received, 20s));
}

// As much as anybody liked could wait for the store there.
TEST(Settling, AnswersWhoseNodeIsLookedForTakeTheirShare) {
    WorldOptions options;
    options.answers.bytes_limit = 24'000;  // 3,000 of them for unknown nodes
    World world{options};
    TestNode first{world.connect(), 1}, second{world.connect(), 2};
    const auto large = [](const TestNode& node) {
        return node.sign(Answer{{Proof{{}, {}, std::vector<std::uint64_t>(256, 7), 0}}});
    };
    world.store.hold_reads();
    auto waits = std::async(std::launch::async, [&] { return first.submit(large(first)); });
    EXPECT_TRUE(eventually(
        [&] { return world.answers.settled_until(world.clock.now() + 1h) < world.clock.now(); }));
    v1::SubmitAnswersResponse response;
    v1::SignedAnswer bytes = to_proto(large(second));
    const grpc::Status status = second.submit({bytes}, response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    world.store.release_reads();
    EXPECT_EQ(waits.get().refusal().reason(), v1::REFUSAL_REASON_UNKNOWN_NODE);
    EXPECT_TRUE(world.answers.settle(world.clock.now(), 20s));
}

}  // namespace
}  // namespace vigil::verifier::test
