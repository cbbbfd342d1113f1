#include <future>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

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

}  // namespace
}  // namespace vigil::verifier::test
