#include <algorithm>
#include <chrono>
#include <future>
#include <gtest/gtest.h>
#include <thread>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/replay.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using Case = v1::SessionResponse;

/// Another verifier on the world's store, with a roster and a schedule of its own, and the
/// network's receipt key. Nothing makes it follow but what is asked of it.
struct Another {
    explicit Another(World& beside, ServiceOptions with = {})
        : world{beside},
          answers{world.store, roster, schedule, world.receipt_key, {}, {}},
          service{options(std::move(with)),
                  world.store,
                  roster,
                  schedule,
                  answers,
                  [this] { return world.clock.now(); },
                  {}} {
        service.start();
    }
    ServiceOptions options(ServiceOptions with) const {
        with.address = "127.0.0.1";
        with.receipt_key = world.receipt_key.public_key();
        with.verifier_version = "1.2.3";
        return with;
    }
    std::shared_ptr<grpc::Channel> connect() const {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(service.port()),
                                         grpc::InsecureChannelCredentials(), arguments);
    }

    World& world;
    Schedule schedule{world.store};
    Roster roster{world.store};
    Answers answers;
    Service service;
};

std::int64_t stored_answers(World& world) {
    std::int64_t count = 0;
    world.store.read([&](Reader& reader) { count = reader.answer_count(); });
    return count;
}

std::int64_t stored_enrolments(World& world) {
    std::int64_t count = 0;
    world.store.read([&](Reader& reader) { count = reader.enrolment_count(); });
    return count;
}

TEST(Replicas, NodeEnrolledWithOneOpensItsSessionWithAnotherAtOnce) {
    World world;
    Another another{world};
    TestNode at_one{world.connect(), 1, 2};
    ASSERT_TRUE(at_one.enrol().ok());
    TestNode at_another{another.connect(), 1, 2};
    TestSession session{at_another};
    const auto opened = session.open();
    const auto calibrations = checks_of(opened);
    ASSERT_EQ(calibrations.size(), 2U) << "those that the other issued";
    world.clock.advance(1s);
    ASSERT_TRUE(session.send(at_another.answer(calibrations[0])));
    const auto receipt = session.next(Case::kReceipt);
    ASSERT_TRUE(receipt);
    EXPECT_EQ(stored_answers(world), 1);
}

TEST(Replicas, NodeThatIsKnownOpensItsSessionWhileTheStoreIsAway) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    world.plan();  // as the scheduler has done by now
    world.store.fails_to_read = true;
    TestSession session{node};
    session.open();
    TestNode stranger{world.connect(), 2};
    TestSession unknown{stranger};
    unknown.hello();
    ASSERT_TRUE(unknown.send(unknown.opening()));
    const auto why = refusal_of(unknown.finish());
    world.store.fails_to_read = false;
    ASSERT_TRUE(why);
    EXPECT_EQ(why->reason, RefusalReason::unavailable) << "nobody knows whether it is enrolled";
}

TEST(Replicas, UnknownHereIsLookedForBeforeItIsRefused) {
    World world;
    Another another{world};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestNode polling{another.connect(), 1};
    const auto checks = polling.open_checks();
    ASSERT_EQ(checks.size(), 1U);
    v1::RetireResponse retired;
    EXPECT_TRUE(polling.retire(1, retired).ok());
    TestNode stranger{another.connect(), 99};
    v1::GetOpenChecksResponse response;
    EXPECT_EQ(refusal_of(stranger.open_checks(response))->reason, RefusalReason::unknown_node);
}

TEST(Replicas, CalibrationOfOneIsAnsweredToAnother) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    Another another{world};  // knows the node, and its first calibration
    world.clock.advance(25h);
    v1::RequestCalibrationResponse response;
    ASSERT_TRUE(node.calibrate(1, response).ok());
    const wire::OpenCheck check = wire::open_check_from_proto(response.check()).value();
    world.clock.advance(1s);
    TestNode at_another{another.connect(), 1};
    const wire::SignedAnswer answer = at_another.answer(check);
    const auto outcome = at_another.submit(answer);
    ASSERT_TRUE(outcome.has_receipt()) << outcome.refusal().message();
}

// It was recorded, and a replay came to another baseline and another state_hash.
TEST(Replicas, CalibrationThatWaitedOverASettlementIsRefusedAndTheRecordReplays) {
    World world;
    const Calendar calendar = world.schedule.calendar();
    const DayIndex day = calendar.day_at(world.clock.now());
    const Instant end = calendar.span(day).end;
    WindowIndex window = world.window();
    world.clock.set(end - 10s);
    for (; calendar.day_of(window + 1) == day; ++window)
        close_window(world.store, world.roster, world.schedule, window, world.clock.now());
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    const auto open = node.open_checks();
    const auto check = std::ranges::find(open, CheckKind::calibration, &wire::OpenCheck::kind);
    ASSERT_NE(check, open.end());
    const wire::SignedAnswer answer = node.answer(*check);

    world.clock.set(end + 5s);  // whoever has the answer is cut off, and its number expired
    close_window(world.store, world.roster, world.schedule, window, world.clock.now());
    settle_day(world.store, world.schedule, day, world.clock.now());
    std::promise<AnswerReply> replied;
    world.answers.submit({.node = node.id,
                          .answer = answer.answer,
                          .signature = answer.signature,
                          .received = end - 5s},
                         [&](AnswerReply reply) { replied.set_value(std::move(reply)); });
    const AnswerReply reply = replied.get_future().get();
    const auto* refusal = std::get_if<Refusal>(&reply.outcome);
    EXPECT_TRUE(refusal && refusal->reason == RefusalReason::check_closed);
    EXPECT_EQ(world.roster.device(node.devices[0])->baseline, 0U) << "so it is offered another";

    const ReplayReport report = replay(world.store, {.scratch = ":memory:", .progress = {}});
    EXPECT_TRUE(report.agrees()) << report.sentences.at(0);
    ASSERT_EQ(report.days.size(), 1U);
    EXPECT_EQ(report.days[0].recorded, report.days[0].replayed);
}

TEST(Replicas, AnswerOfANodeThatEnrolledElsewhereIsTaken) {
    World world;
    Another another{world};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    const auto check = node.open_checks().at(0);
    world.clock.advance(1s);
    TestNode at_another{another.connect(), 1};
    const auto outcome = at_another.submit(at_another.answer(check));
    EXPECT_TRUE(outcome.has_receipt()) << outcome.refusal().message();
}

TEST(Replicas, AnswerSentToBothIsRecordedOnceAndTheReceiptIsTheSame) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    Another another{world};
    const auto check = node.open_checks().at(0);
    world.clock.advance(1s);
    const wire::SignedAnswer answer = node.answer(check);
    const auto first = node.submit(answer);
    ASSERT_TRUE(first.has_receipt());
    world.clock.advance(2s);
    TestNode at_another{another.connect(), 1};
    const auto second = at_another.submit(answer);
    ASSERT_TRUE(second.has_receipt());
    EXPECT_EQ(second.receipt().SerializeAsString(), first.receipt().SerializeAsString());
    EXPECT_TRUE(verifies(second.receipt(), answer, node.network, world.receipt_key.public_key()));
    EXPECT_EQ(stored_answers(world), 1);
}

TEST(Replicas, SameSignedRequestAtBothIsOneEntry) {
    World world;
    Another another{world};
    for (std::uint8_t seed = 1; seed <= 8; ++seed) {
        TestNode at_one{world.connect(), seed}, at_another{another.connect(), seed};
        std::atomic<int> taken{0};
        const auto until_taken = [&taken](auto&& ask) {
            // One of them may find that the other is at it, and says so.
            for (int tries = 0; tries < 50; ++tries) {
                if (ask().ok()) {
                    ++taken;
                    return;
                }
                std::this_thread::sleep_for(10ms);
            }
        };
        const auto at_both = [&](auto&& ask) {
            std::thread other{[&] { until_taken([&] { return ask(at_another); }); }};
            until_taken([&] { return ask(at_one); });
            other.join();
        };
        at_both([](TestNode& node) { return node.enrol(); });
        EXPECT_EQ(stored_enrolments(world), 2 * seed - 1);
        at_both([](TestNode& node) {
            v1::RetireResponse response;
            return node.retire(5, response);
        });
        EXPECT_EQ(taken, 4);
        EXPECT_EQ(stored_enrolments(world), 2 * seed);
    }
}

TEST(Replicas, OneThatDrainsGivesReceiptsForWhatItTook) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    const auto check = checks_of(session.open()).at(0);
    world.clock.advance(1s);
    const wire::SignedAnswer answer = node.answer(check);
    world.store.hold();
    ASSERT_TRUE(session.send(answer));
    std::this_thread::sleep_for(100ms);  // it is waiting for the disk
    std::thread stopping{[&] { world.service->stop(); }};
    ASSERT_TRUE(session.next(Case::kReconnect));
    world.store.release();
    const auto receipt = session.next(Case::kReceipt);
    EXPECT_TRUE(receipt);
    EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    stopping.join();
}

TEST(Replicas, OldSessionIsAskedToGoElsewhereWhereThereIsAnother) {
    World world;
    std::atomic<std::size_t> others{0};
    ServiceOptions options;
    options.session_age = 100ms;
    options.others_serving = [&] { return others.load(); };
    Another another{world, options};
    TestNode node{another.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    TestSession session{node};
    session.open();
    std::this_thread::sleep_for(600ms);
    EXPECT_EQ(another.service.stats().open_sessions, 1U) << "there is nowhere to go";
    others = 1'000;  // of whom this one keeps one session in a thousand
    const auto reconnect = session.next(Case::kReconnect);
    ASSERT_TRUE(reconnect);
    EXPECT_LE(reconnect->reconnect().after_ms(), 2'000U);
    EXPECT_EQ(session.finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(Replicas, CrowdThatOpensAtOnceIsLookedUpTogether) {
    World world;
    Roster roster{world.store};
    const auto came = std::chrono::steady_clock::now();
    roster.follow_since(came);
    world.store.fails_to_read = true;
    roster.follow_since(came);  // a reading began after it: nothing to read
    EXPECT_THROW(roster.follow_since(std::chrono::steady_clock::now()), StoreFailed);
    world.store.fails_to_read = false;
}

}  // namespace
}  // namespace vigil::verifier::test
