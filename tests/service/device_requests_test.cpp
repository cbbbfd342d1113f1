#include <chrono>
#include <gtest/gtest.h>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

RefusalReason reason(const grpc::Status& status) {
    EXPECT_FALSE(status.ok());
    const auto refusal = refusal_of(status);
    EXPECT_TRUE(refusal.has_value()) << status.error_message();
    return refusal ? refusal->reason : RefusalReason{};
}

/// The commit happened, and the roster could not be read again.
struct RefreshFails : ::testing::Test {
    grpc::Status without_refresh(const std::function<grpc::Status()>& call) {
        world.store.fails_to_read_after_a_write = true;
        const grpc::Status status = call();
        EXPECT_EQ(reason(status), RefusalReason::unavailable);
        EXPECT_TRUE(world.store.fails_to_read);
        world.store.fails_to_read = false;
        return status;
    }
    World world;
    TestNode node{world.connect(), 1, 2};
};

TEST_F(RefreshFails, TheSameEnrolmentAgainMakesTheNodeKnown) {
    without_refresh([&] { return node.enrol(); });
    EXPECT_EQ(world.roster.node(node.id), nullptr);
    ASSERT_TRUE(node.enrol().ok());
    EXPECT_TRUE(world.roster.node(node.id));
    EXPECT_EQ(node.open_checks().size(), 2U) << "it is heard and calibrated";
}

TEST_F(RefreshFails, ADeviceThatJoinedIsKnownToTheNextRequest) {
    ASSERT_TRUE(node.enrol(1).ok());
    TestNode grown{node.channel, 1, 3};
    without_refresh([&] { return grown.enrol(2); });
    EXPECT_EQ(world.roster.device(grown.devices[2]), nullptr);
    v1::RequestCalibrationResponse calibration;
    EXPECT_EQ(reason(grown.calibrate(1, calibration, 2)), RefusalReason::too_often)
        << "it was calibrated when it was enrolled; this used to end the verifier";
    EXPECT_TRUE(world.roster.device(grown.devices[2]));
}

TEST_F(RefreshFails, ADeviceTheStoreCannotShowIsUnavailable) {
    ASSERT_TRUE(node.enrol(1).ok());
    TestNode grown{node.channel, 1, 3};
    without_refresh([&] { return grown.enrol(2); });
    world.store.fails_to_read = true;
    v1::RequestCalibrationResponse calibration;
    EXPECT_EQ(reason(grown.calibrate(1, calibration, 2)), RefusalReason::unavailable);
    world.store.fails_to_read = false;
}

TEST_F(RefreshFails, TheSameRetirementAgainIsAnsweredAndTakesEffect) {
    ASSERT_TRUE(node.enrol().ok());
    v1::RetireResponse retired;
    without_refresh([&] { return node.retire(1, retired); });
    ASSERT_TRUE(node.retire(1, retired).ok());
    EXPECT_EQ(world.roster.device(node.devices[0])->retired_from,
              DayIndex{retired.retired_from_day()});
}

TEST_F(RefreshFails, TheSameCalibrationAgainIsTheOneThatWasIssued) {
    ASSERT_TRUE(node.enrol().ok());
    world.clock.advance(24h);
    v1::RequestCalibrationResponse calibration;
    without_refresh([&] { return node.calibrate(1, calibration); });
    ASSERT_TRUE(node.calibrate(1, calibration).ok());
    EXPECT_EQ(wire::open_check_from_proto(calibration.check()).value().ref, 2U);
}

TEST_F(RefreshFails, AComebackIsShownByTheSameEnrolmentAgain) {
    ASSERT_TRUE(node.enrol(1).ok());
    v1::RetireResponse retired;
    ASSERT_TRUE(node.retire(1, retired).ok());
    without_refresh([&] { return node.enrol(2); });
    EXPECT_TRUE(world.roster.device(node.devices[0])->retired_from);
    ASSERT_TRUE(node.enrol(2).ok());
    EXPECT_FALSE(world.roster.device(node.devices[0])->retired_from);
}

WorldOptions limited(WriteRate enrolments, WriteRate requests) {
    WorldOptions options;
    options.service.enrolment = {
        .nodes = 100, .devices_ever = 100, .enrolments = enrolments, .requests = requests};
    return options;
}

TEST(WriteLimits, AnEnrolmentCostsATokenAndOneForEachDevice) {
    World world{limited({.per_second = 1, .burst = 7}, {})};
    TestNode first{world.connect(), 1, 3}, second{first.channel, 2, 3}, third{first.channel, 3, 9};
    EXPECT_TRUE(first.enrol().ok());
    EXPECT_EQ(reason(second.enrol()), RefusalReason::busy);
    world.clock.advance(1s);
    EXPECT_TRUE(second.enrol().ok());
    world.clock.advance(6s);
    EXPECT_EQ(reason(third.enrol()), RefusalReason::busy);
    world.clock.advance(1s);
    EXPECT_TRUE(third.enrol().ok()) << "more than the bucket holds is the whole bucket";
}

TEST(WriteLimits, StrangersDoNotLockOwnersOut) {
    World world{limited({.per_second = 1, .burst = 1}, {.per_second = 1, .burst = 2})};
    TestNode owner{world.connect(), 1, 1}, stranger{owner.channel, 2, 1};
    ASSERT_TRUE(owner.enrol().ok());
    world.clock.advance(24h);
    ASSERT_TRUE(stranger.enrol().ok());
    TestNode another{owner.channel, 3, 1};
    EXPECT_EQ(reason(another.enrol()), RefusalReason::busy);
    v1::RequestCalibrationResponse calibration;
    v1::RetireResponse retired;
    EXPECT_TRUE(owner.calibrate(1, calibration).ok());
    EXPECT_TRUE(owner.retire(2, retired).ok());
    EXPECT_EQ(reason(stranger.retire(1, retired)), RefusalReason::busy) << "two were enough";
}

TEST(WriteLimits, AClockThatStepsBackRefillsFromThere) {
    WriteLimit limit{{.per_second = 1, .burst = 1}};
    const Instant now = instant_from_ms(1'700'000'000'000);
    EXPECT_TRUE(limit.take(1, now));
    EXPECT_FALSE(limit.take(1, now - 24h));
    EXPECT_TRUE(limit.take(1, now - 24h + 1s));
}

/// The clock stands in a window that is closed: it stepped back.
struct ClosedWindow : ::testing::Test {
    void close_this_window() {
        world.store.write([&](Transaction& tx) {
            tx.close_window(world.window(), world.clock.now(), {}, {}, {});
        });
    }
    World world;
    TestNode node{world.connect(), 1, 1};
};

TEST_F(ClosedWindow, GetsNoNewDevice) {
    close_this_window();
    EXPECT_EQ(reason(node.enrol()), RefusalReason::busy);
    EXPECT_EQ(world.roster.node_count(), 0U);
    world.clock.advance(4h);
    EXPECT_TRUE(node.enrol().ok());
}

TEST_F(ClosedWindow, GetsNoCalibrationAndNoRetirement) {
    ASSERT_TRUE(node.enrol().ok());
    world.clock.advance(24h);
    close_this_window();
    v1::RequestCalibrationResponse calibration;
    v1::RetireResponse retired;
    Enrolments enrolments{world.store, world.roster, world.schedule, {}};
    const auto owed = enrolments.issue_owed_calibrations(node.id, world.clock.now());
    EXPECT_TRUE(owed.issued.empty()) << "nor one that is owed";
    EXPECT_GT(owed.look_again, world.clock.now());
    EXPECT_EQ(reason(node.calibrate(1, calibration)), RefusalReason::busy);
    const grpc::Status status = node.retire(1, retired);
    EXPECT_EQ(reason(status), RefusalReason::busy);
    EXPECT_GT(refusal_of(status)->retry_after, 0ms);
    EXPECT_FALSE(world.roster.device(node.devices[0])->retired_from);
    world.clock.advance(4h);
    EXPECT_EQ(enrolments.issue_owed_calibrations(node.id, world.clock.now()).issued.size(), 1U);
    world.clock.advance(24h);
    EXPECT_TRUE(node.retire(1, retired).ok());
    EXPECT_TRUE(node.calibrate(2, calibration).ok());
}

}  // namespace
}  // namespace vigil::verifier::test
