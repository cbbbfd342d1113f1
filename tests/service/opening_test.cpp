#include <chrono>
#include <gtest/gtest.h>
#include <vector>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using Case = v1::SessionResponse;

/// An enrolled node, and a window that nobody has asked the store for: the next opening waits there
/// until reads are let through.
struct Opening : ::testing::Test {
    explicit Opening(WorldOptions options = {}) : world{std::move(options)} {}
    void SetUp() override {
        ASSERT_TRUE(node.enrol().ok());
        ASSERT_TRUE(bystander.enrol().ok());
        other.open();
        plan = world.plan();
        world.clock.set(plan->span.end + 1s);
        world.store.hold_reads();
    }
    void open_held(TestSession& session) {
        session.hello();
        ASSERT_TRUE(session.send(session.opening()));
        ASSERT_TRUE(eventually([&] { return world.service->stats().open_sessions == 2; }))
            << "its key was not verified";
    }
    void fleet_check(const FleetCheck& check) {
        world.service->outlets().fleet_check(*plan, check);
    }

    World world;
    TestNode node{world.connect(), 1}, bystander{world.connect(), 2};
    TestSession other{bystander};
    std::shared_ptr<const WindowPlan> plan;
};

TEST_F(Opening, DoesNotHoldUpTheNetworkThread) {
    TestSession session{node};
    open_held(session);
    v1::SessionRequest ping;
    ping.mutable_ping()->set_node_time_ms(7);
    ASSERT_TRUE(other.send(ping));
    const auto pong = other.next(Case::kPong);
    world.store.release_reads();
    ASSERT_TRUE(pong) << "the arrival was not stamped while another session opened";
    EXPECT_EQ(pong->pong().verifier_time_ms(), to_ms(world.clock.now()));
    EXPECT_TRUE(session.next(Case::kOpened));
}

TEST_F(Opening, CheckThatBeginsMeanwhileFollowsTheOpening) {
    TestSession session{node};
    open_held(session);
    fleet_check(plan->fleet.at(1));
    EXPECT_TRUE(other.next(Case::kCheck));
    world.store.release_reads();
    v1::SessionResponse message;
    const auto opened = session.next(Case::kOpened);
    ASSERT_TRUE(opened);
    const auto check = session.next(Case::kCheck);
    ASSERT_TRUE(check);
    EXPECT_EQ(check->check().beacon(), wire::raw(plan->fleet.at(1).beacon));
}

TEST_F(Opening, WhatFollowsItIsReadAfterwards) {
    TestSession session{node};
    open_held(session);
    v1::SessionRequest ping;
    ping.mutable_ping()->set_node_time_ms(7);
    ASSERT_TRUE(session.send(ping));
    world.store.release_reads();
    EXPECT_TRUE(session.next(Case::kOpened));
    EXPECT_TRUE(session.next(Case::kPong));
}

TEST_F(Opening, NodeThatLeavesMeanwhileIsForgotten) {
    {
        TestSession session{node};
        open_held(session);
    }
    world.store.release_reads();
    EXPECT_TRUE(eventually([&] { return world.service->stats().open_sessions == 1; }));
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }));
}

struct OpeningInTime : Opening {
    OpeningInTime() : Opening{with_limit()} {}
    static WorldOptions with_limit() {
        WorldOptions options;
        options.service.open_within = 1s;
        return options;
    }
};

TEST_F(OpeningInTime, OrTheStreamEndsAndLeavesNothingBehind) {
    TestSession first{node};
    open_held(first);
    // Waits behind the first, and is gone when its turn comes.
    TestSession second{node};
    second.hello();
    ASSERT_TRUE(second.send(second.opening()));
    for (TestSession* session : {&first, &second}) {
        const grpc::Status status = session->finish();
        ASSERT_TRUE(refusal_of(status));
        EXPECT_GT(refusal_of(status)->retry_after, 0ms);
    }
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }));
    world.store.release_reads();
    TestSession third{node};
    third.open();
    EXPECT_EQ(world.service->stats().open_sessions, 2U);
    EXPECT_TRUE(other.send([] {
        v1::SessionRequest ping;
        ping.mutable_ping();
        return ping;
    }()));
    EXPECT_TRUE(other.next(Case::kPong));
}

TEST(Polling, ChangesNothing) {
    World world;
    TestNode node{world.connect(), 1, 3};
    ASSERT_TRUE(node.enrol().ok());
    EXPECT_EQ(node.open_checks().size(), 3U);
    const auto calibrations = [&] {
        std::vector<std::uint64_t> counters;
        world.store.read([&](Reader& reader) {
            counters.clear();
            for (const CalibrationRecord& latest : reader.latest_calibrations())
                counters.push_back(latest.counter);
        });
        return counters;
    };
    const auto before = calibrations();
    world.clock.advance(25h);  // the calibrations are lost, and others are owed
    for (int i = 0; i < 3; ++i)
        for (const wire::OpenCheck& check : node.open_checks())
            EXPECT_NE(check.kind, CheckKind::calibration);
    EXPECT_EQ(calibrations(), before);
    // A signed request is how a node that polls gets another.
    v1::RequestCalibrationResponse response;
    EXPECT_TRUE(node.calibrate(1, response).ok());
    EXPECT_NE(calibrations(), before);
}

}  // namespace
}  // namespace vigil::verifier::test
