#include <chrono>
#include <gtest/gtest.h>

#include "proto/signed_texts.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;

struct Enrolling : ::testing::Test {
    RefusalReason reason(const grpc::Status& status) {
        EXPECT_FALSE(status.ok());
        const auto refusal = refusal_of(status);
        EXPECT_TRUE(refusal.has_value()) << status.error_message();
        return refusal ? refusal->reason : RefusalReason{};
    }
    RefusalReason refused(const wire::Enrolment& claimed) { return reason(node.enrol(claimed)); }
    std::size_t entries() {
        std::size_t count{};
        world.store.read([&](Reader& reader) { count = reader.enrolments(0, 1'000).size(); });
        return count;
    }
    DeviceRecord record(std::size_t device = 0) {
        DeviceRecord found;
        world.store.read([&](Reader& reader) {
            for (DeviceRecord& one : reader.devices_of(world.roster.node(node.id)->ref))
                if (one.id == node.devices[device]) found = one;
        });
        return found;
    }

    World world;
    TestNode node{world.connect(), 1, 2};
};

TEST_F(Enrolling, MakesNodeAndDevicesKnownAndCalibratesThem) {
    v1::EnrolResponse response;
    ASSERT_TRUE(node.enrol(node.claims(), &response).ok());
    EXPECT_EQ(response.node_id(), wire::raw(node.id));
    ASSERT_EQ(response.devices_size(), 2);
    EXPECT_EQ(response.devices(1).uid(), "GPU-1");
    EXPECT_EQ(response.devices(1).device_id(), wire::raw(node.devices[1]));
    const wire::Network network = wire::network_from_proto(response.network()).value();
    EXPECT_EQ(network.name, "test");
    EXPECT_EQ(network.receipt_key, world.receipt_key.public_key());
    EXPECT_EQ(network.policy_hash, policy_hash(small_policy()));
    EXPECT_EQ(policy_hash(policy_from_canonical(network.policy_text).value()), network.policy_hash);

    EXPECT_EQ(record().model, "RTX 4090");
    EXPECT_EQ(record().enrolled, world.clock.now());
    const auto open = node.open_checks();
    ASSERT_EQ(open.size(), 2U);
    EXPECT_NE(open[0].beacon, open[1].beacon);
    for (const wire::OpenCheck& check : open) {
        EXPECT_EQ(check.kind, CheckKind::calibration);
        EXPECT_EQ(check.ref, 1U);
        EXPECT_EQ(check.start, world.clock.now());
        EXPECT_EQ(check.deadline, world.clock.now() + 15s);
    }
}

TEST_F(Enrolling, SameBytesAgainChangeNothing) {
    ASSERT_TRUE(node.enrol().ok());
    world.clock.advance(5s);
    ASSERT_TRUE(node.enrol().ok());
    EXPECT_EQ(entries(), 1U);
    EXPECT_EQ(node.open_checks().size(), 2U) << "no second calibration";
}

TEST_F(Enrolling, RestartThatClaimsTheSameWritesNothing) {
    ASSERT_TRUE(node.enrol(1).ok());
    ASSERT_TRUE(node.enrol(2).ok());
    EXPECT_EQ(entries(), 1U);
}

TEST_F(Enrolling, ChangedClaimsNeedAGreaterSequence) {
    wire::Enrolment claimed = node.claims();
    claimed.sequence = 5;
    ASSERT_TRUE(node.enrol(claimed).ok());
    claimed.name = "other";
    EXPECT_EQ(refused(claimed), RefusalReason::stale_enrolment);
    claimed.sequence = 4;
    EXPECT_EQ(refused(claimed), RefusalReason::stale_enrolment);
    claimed.sequence = 6;
    EXPECT_TRUE(node.enrol(claimed).ok());
    EXPECT_EQ(entries(), 2U);
}

TEST_F(Enrolling, KnownDeviceKeepsItsRecordAndNewOnesJoin) {
    ASSERT_TRUE(node.enrol(1).ok());
    const DeviceRecord before = record();
    const Instant first = world.clock.now();
    world.clock.advance(20s);
    TestNode grown{node.channel, 1, 3};
    ASSERT_TRUE(grown.enrol(2).ok());
    EXPECT_EQ(record().ref, before.ref);
    EXPECT_EQ(record().enrolled, first);
    EXPECT_EQ(world.roster.device(grown.devices[2])->enrolled, world.clock.now());
    const auto open = grown.open_checks();
    ASSERT_EQ(open.size(), 1U);
    EXPECT_EQ(open[0].device, grown.devices[2]);
}

TEST_F(Enrolling, WrongSignatureIsRefused) {
    v1::EnrolRequest request;
    request.set_enrolment(wire::enrolment_bytes(node.claims()));
    NetworkId other = node.network;
    other.bytes[0] ^= 1;
    request.set_signature(wire::raw(node.key.sign(wire::enrol_text(other, request.enrolment()))));
    grpc::ClientContext context;
    v1::EnrolResponse response;
    EXPECT_EQ(reason(node.stub->Enrol(&context, request, &response)),
              RefusalReason::wrong_signature);
    EXPECT_EQ(world.roster.node_count(), 0U);
}

TEST_F(Enrolling, GarbageIsMalformed) {
    v1::EnrolRequest request;
    request.set_enrolment("\xff\xff garbage");
    request.set_signature(std::string(64, 'x'));
    grpc::ClientContext context;
    v1::EnrolResponse response;
    EXPECT_EQ(reason(node.stub->Enrol(&context, request, &response)), RefusalReason::malformed);
}

TEST_F(Enrolling, ClaimsOutOfTheirLimitsAreRefused) {
    const auto with = [&](auto change) {
        wire::Enrolment claimed = node.claims();
        change(claimed);
        return refused(claimed);
    };
    using E = wire::Enrolment;
    EXPECT_EQ(with([](E& e) { e.payout = {}; }), RefusalReason::bad_payout_address);
    EXPECT_EQ(with([](E& e) { e.name.assign(65, 'x'); }), RefusalReason::too_large);
    EXPECT_EQ(with([](E& e) { e.region.assign(33, 'x'); }), RefusalReason::too_large);
    EXPECT_EQ(with([](E& e) { e.devices[0].uid.assign(129, 'x'); }), RefusalReason::too_large);
    EXPECT_EQ(with([](E& e) { e.devices[0].model.assign(129, 'x'); }), RefusalReason::too_large);
    EXPECT_EQ(with([](E& e) { e.devices[0].driver.assign(129, 'x'); }), RefusalReason::too_large);
    EXPECT_EQ(with([](E& e) { e.devices[0].uid.clear(); }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.devices[1].uid = e.devices[0].uid; }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.name = "a\nb"; }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.name = "a\x7f"; }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.name = "\xc2\x9b"; }), RefusalReason::malformed);      // C1
    EXPECT_EQ(with([](E& e) { e.name = "\xe2\x80\xae"; }), RefusalReason::malformed);  // U+202E
    EXPECT_EQ(with([](E& e) { e.name = "\xed\xa0\x80"; }), RefusalReason::malformed);  // surrogate
    EXPECT_EQ(with([](E& e) { e.name = "\xc0\xaf"; }), RefusalReason::malformed);      // overlong
    // PostgreSQL takes no NUL in a text and SQLite does, so it gets into neither.
    const std::string nul{"a\0b", 3};
    EXPECT_EQ(with([&](E& e) { e.name = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([&](E& e) { e.region = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([&](E& e) { e.version = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([&](E& e) { e.devices[0].uid = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([&](E& e) { e.devices[0].model = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([&](E& e) { e.devices[0].driver = nul; }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.devices.clear(); }), RefusalReason::malformed);
    EXPECT_EQ(with([](E& e) { e.devices.resize(65, e.devices[0]); }), RefusalReason::too_large);
    wire::Enrolment fine = node.claims();
    fine.name =
        "Gr\xc3\xbc\xc3\x9f"
        "e \xf0\x9f\x98\x80";
    EXPECT_TRUE(node.enrol(fine).ok());
}

TEST_F(Enrolling, SixtyFourDevicesAtATime) {
    TestNode full{node.channel, 1, 64};
    ASSERT_TRUE(full.enrol(1).ok());
    wire::Enrolment one_more = node.claims();
    one_more.sequence = 2;
    one_more.devices = {one_more.devices[0]};
    one_more.devices[0].uid = "another";
    EXPECT_EQ(refused(one_more), RefusalReason::too_large);
    v1::RetireResponse retired;
    ASSERT_TRUE(full.retire(1, retired, 63).ok());
    EXPECT_TRUE(node.enrol(one_more).ok());
}

TEST_F(Enrolling, PayloadBeyondTheLimitIsTooLarge) {
    v1::EnrolRequest request;
    request.set_enrolment(std::string(70'000, 'x'));
    request.set_signature(std::string(64, 'x'));
    grpc::ClientContext context;
    v1::EnrolResponse response;
    EXPECT_EQ(reason(node.stub->Enrol(&context, request, &response)), RefusalReason::too_large);
}

TEST_F(Enrolling, FailingStoreIsUnavailableAndNothingIsKnown) {
    world.store.fails = true;
    const grpc::Status status = node.enrol();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(reason(status), RefusalReason::unavailable);
    EXPECT_GT(refusal_of(status)->retry_after, 0ms);
    EXPECT_EQ(world.roster.node_count(), 0U);
    world.store.fails = false;
    EXPECT_TRUE(node.enrol().ok());
}

TEST(EnrolmentLimit, TooManyNodesAndTooManyAtOnceAreBusy) {
    WorldOptions options;
    // Two tokens an enrolment: one for itself, one for its device.
    options.service.enrolment = {
        .nodes = 3, .devices_ever = 3, .enrolments = {.per_second = 2, .burst = 4}, .requests = {}};
    World world{options};
    const auto channel = world.connect();
    TestNode first{channel, 1}, second{channel, 2}, third{channel, 3}, fourth{channel, 4};
    EXPECT_TRUE(first.enrol().ok());
    EXPECT_TRUE(second.enrol().ok());
    grpc::Status status = third.enrol();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::busy);
    world.clock.advance(1s);
    EXPECT_TRUE(third.enrol().ok());
    world.clock.advance(1s);
    status = fourth.enrol();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::busy);

    TestNode grown{channel, 1, 4};
    status = grown.enrol(2);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::too_large);
}

TEST(EnrolmentVersion, OldNodeIsRefused) {
    WorldOptions options;
    options.service.node_versions.minimum = "1.0.1";
    World world{options};
    TestNode node{world.connect(), 1};
    const grpc::Status status = node.enrol();
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::version_too_old);
}

TEST_F(Enrolling, CalibrationOnceADay) {
    ASSERT_TRUE(node.enrol().ok());
    v1::RequestCalibrationResponse response;
    grpc::Status status = node.calibrate(1, response);
    EXPECT_EQ(reason(status), RefusalReason::too_often);
    EXPECT_EQ(refusal_of(status)->retry_after, 24h);

    world.clock.advance(24h);
    ASSERT_TRUE(node.calibrate(1, response).ok());
    const wire::OpenCheck check = wire::open_check_from_proto(response.check()).value();
    EXPECT_EQ(check.kind, CheckKind::calibration);
    EXPECT_EQ(check.ref, 2U);
    EXPECT_EQ(check.device, node.devices[0]);
    EXPECT_EQ(check.start, world.clock.now());
    EXPECT_EQ(record().request_sequence, 1U);

    v1::RequestCalibrationResponse again;
    world.clock.advance(1s);
    ASSERT_TRUE(node.calibrate(1, again).ok()) << "a lost response is asked for again";
    EXPECT_EQ(again.check().beacon(), response.check().beacon());
    EXPECT_EQ(reason(node.calibrate(2, again)), RefusalReason::too_often);
    world.clock.advance(24h);
    EXPECT_EQ(reason(node.calibrate(1, again)), RefusalReason::stale_enrolment);
}

TEST_F(Enrolling, CalibrationWaitsForARunningCheck) {
    ASSERT_TRUE(node.enrol().ok());
    world.clock.advance(24h);
    world.begin_fleet_check(CheckKind::hourly);
    v1::RequestCalibrationResponse response;
    const grpc::Status status = node.calibrate(1, response);
    EXPECT_EQ(reason(status), RefusalReason::busy);
    EXPECT_EQ(refusal_of(status)->retry_after, 14'001ms);
    world.clock.advance(14'001ms);
    EXPECT_TRUE(node.calibrate(1, response).ok());
}

TEST_F(Enrolling, ForeignOrUnsignedRequestsAreRefused) {
    ASSERT_TRUE(node.enrol().ok());
    TestNode other{node.channel, 2};
    ASSERT_TRUE(other.enrol().ok());
    world.clock.advance(24h);
    other.devices = node.devices;
    v1::RequestCalibrationResponse calibration;
    v1::RetireResponse retired;
    EXPECT_EQ(reason(other.calibrate(1, calibration)), RefusalReason::unknown_device);
    EXPECT_EQ(reason(other.retire(1, retired)), RefusalReason::unknown_device);
    other.id = node.id;
    EXPECT_EQ(reason(other.calibrate(1, calibration)), RefusalReason::wrong_signature);
    EXPECT_EQ(reason(other.retire(1, retired)), RefusalReason::wrong_signature);
    EXPECT_EQ(entries(), 2U);
}

TEST_F(Enrolling, RetiresAtTheEndOfTheFollowingDayAndComesBack) {
    ASSERT_TRUE(node.enrol().ok());
    const DayIndex today = world.schedule.calendar().day_at(world.clock.now());
    v1::RetireResponse response;
    ASSERT_TRUE(node.retire(3, response).ok());
    EXPECT_EQ(response.retired_from_day(), today.value + 2);
    ASSERT_TRUE(node.retire(3, response).ok()) << "a repeat is harmless";
    EXPECT_EQ(reason(node.retire(2, response)), RefusalReason::stale_enrolment);
    const auto device = world.roster.device(node.devices[0]);
    EXPECT_TRUE(world.schedule.takes_part(*device, world.clock.now() + 24h));
    EXPECT_FALSE(world.schedule.takes_part(*device, world.clock.now() + 48h));

    world.clock.advance(24h);
    ASSERT_TRUE(node.enrol(2).ok());
    EXPECT_EQ(record().retired_from, std::nullopt);
    EXPECT_EQ(record().ref, device->ref);
    EXPECT_EQ(record().active_from, device->enrolled) << "it never was away";
}

TEST_F(Enrolling, SameBytesAfterARetirementAreAnsweredAsBeforeAndUndoNothing) {
    ASSERT_TRUE(node.enrol(1).ok());
    v1::RetireResponse retired;
    ASSERT_TRUE(node.retire(1, retired).ok());
    v1::EnrolResponse again;
    wire::Enrolment claimed = node.claims();
    claimed.sequence = 1;
    ASSERT_TRUE(node.enrol(claimed, &again).ok());
    EXPECT_EQ(again.devices_size(), 2);
    EXPECT_EQ(record().retired_from, DayIndex{retired.retired_from_day()});
    EXPECT_EQ(entries(), 2U) << "the enrolment and the retirement";
    claimed.name = "other";
    EXPECT_EQ(refused(claimed), RefusalReason::stale_enrolment);
}

TEST_F(Enrolling, ComesBackAfterRetirementOnceTheBooksAreClosed) {
    ASSERT_TRUE(node.enrol().ok());
    const Calendar calendar = world.schedule.calendar();
    const DayIndex away = calendar.day_at(world.clock.now()) + 2;
    const Instant first = world.clock.now();
    v1::RetireResponse response;
    ASSERT_TRUE(node.retire(3, response).ok());
    world.clock.set(calendar.span(away).begin + 24h);
    EXPECT_EQ(reason(node.enrol(2)), RefusalReason::busy);
    world.store.write([&](Transaction& tx) {
        tx.close_window(calendar.first_window(away) - 1, world.clock.now(), {}, {}, {});
    });
    ASSERT_TRUE(node.enrol(2).ok());
    EXPECT_EQ(record().enrolled, first);
    EXPECT_EQ(record().active_from, world.clock.now());
    EXPECT_FALSE(
        world.schedule.takes_part(*world.roster.device(node.devices[0]), world.clock.now() - 1ms));
}

}  // namespace
}  // namespace vigil::verifier::test
