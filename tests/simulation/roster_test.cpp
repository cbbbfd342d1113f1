#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/simulation/changing_store.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;
using samples::at;
using samples::enrol;
using samples::Enrolled;

/// Two nodes are enrolled; then the store is one that has the first alone.
class RosterAfterALoss : public testing::Test {
protected:
    void lose() {
        store.now = founded_store();
        enrol(store, 7, 1);
    }
    void expect_read_anew() {
        const std::uint64_t version = roster.version();
        EXPECT_NO_THROW(roster.follow());
        EXPECT_TRUE(roster.take_loss()) << "nobody would hear of it";
        EXPECT_GT(roster.version(), version);
        EXPECT_TRUE(roster.device(kept.devices[0].id));
        EXPECT_FALSE(roster.node(lost.node.id));
        EXPECT_FALSE(roster.device(lost.devices[0].id));
        const auto newcomer = enrol(store, 7, 9);
        EXPECT_NO_THROW(roster.follow());
        EXPECT_FALSE(roster.take_loss());
        EXPECT_TRUE(roster.node(newcomer.node.id)) << "deaf to who enrols after the loss";
        EXPECT_TRUE(roster.device(newcomer.devices[0].id));
    }

    ChangingStore store;
    const Enrolled kept = enrol(store, 7, 1), lost = enrol(store, 7, 2);
    Roster roster{store};
};

TEST_F(RosterAfterALoss, FewerEnrolmentsAreReadAnew) {
    lose();
    expect_read_anew();
    EXPECT_EQ(roster.device_count(), 2U);
    EXPECT_EQ(roster.node_count(), 2U);
}

TEST_F(RosterAfterALoss, OthersInTheirPlaceAreReadAnew) {
    lose();
    const auto other = enrol(store, 7, 3);
    enrol(store, 8, 4);
    expect_read_anew();
    EXPECT_TRUE(roster.device(other.devices[0].id)) << "numbered as the lost one";
}

TEST_F(RosterAfterALoss, OneInThePlaceOfTheLastIsReadAnew) {
    lose();
    const auto other = enrol(store, 7, 3);
    expect_read_anew();
    EXPECT_TRUE(roster.device(other.devices[0].id)) << "as many as before";
}

TEST_F(RosterAfterALoss, NodeThatIsGoneIsNoReasonToAbort) {
    lose();
    EXPECT_THROW(roster.refresh(lost.node.id), StoreFailed);
    expect_read_anew();
}

TEST_F(RosterAfterALoss, DeviceThatIsGoneIsNoReasonToAbort) {
    lose();
    EXPECT_THROW(roster.refresh_baselines(), StoreFailed);
    expect_read_anew();
}

TEST_F(RosterAfterALoss, AnotherDeviceUnderTheNumberIsNotTakenForIt) {
    lose();
    const auto other = enrol(store, 7, 3);
    EXPECT_THROW(roster.refresh(other.node.id), StoreFailed);
    EXPECT_THROW(roster.refresh_baselines(), StoreFailed);
    expect_read_anew();
}

TEST_F(RosterAfterALoss, ClosedWindowThatIsOpenAgainIsReadAnew) {
    samples::close(store, 5);
    roster.follow();
    EXPECT_EQ(roster.as_of(), WindowIndex{5});
    lose();
    enrol(store, 7, 2);
    roster.follow();
    EXPECT_TRUE(roster.take_loss());
    EXPECT_FALSE(roster.as_of());
    EXPECT_FALSE(roster.device(kept.devices[0].id)->as_of);
    roster.follow();
    EXPECT_FALSE(roster.take_loss());
}

class RosterCalibrated : public testing::Test {
protected:
    /// Issues a calibration and records that it passed; returns what there is to show.
    Calibrated calibrate(std::uint64_t counter) {
        const Instant issued = at(static_cast<std::int64_t>(counter) * 10'000);
        CheckClaim claim{.device = ref,
                         .window = Calendar{small_policy()}.window_at(issued),
                         .kind = CheckKind::calibration,
                         .ref = counter};
        auto answer = samples::answer(enrolled.node.ref, {claim}, counter);
        answer.received = issued + 1s;
        answer.verdicts[0].received = answer.received;
        answer.verdicts[0].judgement.rate = 1'000 * counter;
        store.write([&](Transaction& tx) {
            tx.add_calibration({.device = ref, .counter = counter, .beacon = {}, .issued = issued},
                               std::nullopt, 0);
            EXPECT_EQ(tx.record(answer).kind, AnswerFate::Kind::recorded);
        });
        return {answer.received, answer.verdicts[0].judgement.rate};
    }

    ChangingStore store;
    const Enrolled enrolled = enrol(store, 7, 1), other = enrol(store, 8, 2);
    const DeviceRef ref = enrolled.first();
    const DeviceId id = enrolled.devices[0].id;
    Roster roster{store};
};

TEST_F(RosterCalibrated, IsShownAsAReadWouldShowIt) {
    for (std::uint64_t counter = 1; counter <= 6; ++counter) {
        const Calibrated one = calibrate(counter);
        const int reads = store.reads;
        roster.set_calibrated(id, one);
        EXPECT_EQ(store.reads, reads);
        const auto shown = roster.device(id), read = Roster{store}.device(id);
        EXPECT_EQ(shown->calibrated, read->calibrated);
        EXPECT_EQ(shown->calibrated.back(), one);
        EXPECT_EQ(shown->baseline, read->baseline);
    }
}

// A refresh read before it was committed, and put what it had read over it.
TEST_F(RosterCalibrated, IsNotLostToARefreshUnderWay) {
    const Calibrated one{at(11'000), 1'000};
    const std::vector<std::function<void()>> refreshes{
        [this] { roster.refresh(enrolled.node.id); }, [this] { roster.refresh_baselines(); },
        [this] {
            store.now = founded_store();
            enrol(store, 7, 1);
            roster.follow();
            EXPECT_TRUE(roster.take_loss()) << "all is read anew";
        }};
    for (const auto& refresh : refreshes) {
        roster.refresh(enrolled.node.id);
        ASSERT_TRUE(roster.device(id)->calibrated.empty()) << "as the store has it";
        store.after_read = [&] { roster.set_calibrated(id, one); };
        refresh();
        store.after_read = {};
        EXPECT_EQ(roster.device(id)->calibrated, std::vector{one});
        EXPECT_EQ(roster.device(id)->baseline, one.rate);
    }
}

}  // namespace
}  // namespace vigil::verifier::simulation
