#include <thread>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using namespace std::chrono_literals;

class LeaseContract : public StoreContract {
protected:
    std::optional<Lease> take(const std::string& holder, Milliseconds length = 60s,
                              const std::string& name = "books") {
        std::optional<Lease> lease;
        store().write([&](Transaction& tx) { lease = tx.take_lease(name, holder, length); });
        return lease;
    }
    void require(const Lease& lease, Milliseconds length = 60s,
                 std::optional<Instant> settled = std::nullopt) {
        store().write([&](Transaction& tx) { tx.require_lease(lease, length, settled); });
    }
    LeaseRecord only() {
        const auto all = read(store(), [](Reader& r) { return r.leases(); });
        EXPECT_EQ(all.size(), 1U);
        return all.at(0);
    }
    Instant database_time() {
        return read(store(), [](Reader& r) { return r.database_time(); });
    }
};
INSTANTIATE_TEST_SUITE_P(Every, LeaseContract, every_implementation(), implementation_name);

TEST_P(LeaseContract, OneHolderAtATime) {
    const Instant before = database_time();
    const auto first = take("a");
    ASSERT_TRUE(first);
    EXPECT_EQ(first->name, "books");
    EXPECT_FALSE(take("b"));
    EXPECT_TRUE(take("b", 60s, "replica/0")) << "another lease";
    require(*first);
    const auto all = read(store(), [](Reader& r) { return r.leases(); });
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "books");
    EXPECT_EQ(all[0].holder, "a");
    EXPECT_EQ(all[0].epoch, first->epoch);
    EXPECT_GE(all[0].expires, before + 60s);
    EXPECT_LE(all[0].expires, database_time() + 60s);
    EXPECT_EQ(all[1].name, "replica/0");
}

TEST_P(LeaseContract, ExpiredLeaseIsTakenAndFencesItsFormerHolder) {
    const auto first = take("a", 0ms).value();
    const auto second = take("b");
    ASSERT_TRUE(second);
    EXPECT_GT(second->epoch, first.epoch);
    EXPECT_THROW(require(first), LeaseLost);
    require(*second);
    EXPECT_EQ(only().holder, "b");
}

TEST_P(LeaseContract, EpochGivenOutTwiceFencesWhoIsNotItsHolder) {
    // As after a failover that forgot the last commits.
    const auto known = take("a").value();
    require({.name = "books", .holder = "a", .epoch = known.epoch});
    const Lease of_another{.name = "books", .holder = "b", .epoch = known.epoch};
    EXPECT_THROW(require(of_another), LeaseLost);
    store().write([&](Transaction& tx) { tx.release_lease(of_another); });
    EXPECT_FALSE(take("c")) << "released by somebody else";
}

TEST_P(LeaseContract, NothingOfATransactionIsKeptWhenItsLeaseIsLost) {
    const auto first = take("a", 0ms).value();
    take("b");
    int attempts = 0;
    EXPECT_THROW(store().write([&](Transaction& tx) {
        ++attempts;
        tx.add_heartbeat(0, at(10));
        tx.require_lease(first, 60s, std::nullopt);
    }),
                 LeaseLost);
    EXPECT_EQ(attempts, 1) << "repeating cannot help";
    EXPECT_TRUE(read(store(), [](Reader& r) { return r.heartbeats(at(0), at(20)); }).empty());
}

TEST_P(LeaseContract, ExpiredLeaseThatNobodyTookIsStillHeld) {
    const auto lease = take("a", 0ms).value();
    require(lease, 60s);
    EXPECT_FALSE(take("b")) << "it was renewed";
}

TEST_P(LeaseContract, TakingOnesOwnAgainEndsWhatOneHeldBefore) {
    const auto before_a_restart = take("a").value();
    const auto after = take("a");
    ASSERT_TRUE(after);
    EXPECT_GT(after->epoch, before_a_restart.epoch);
    EXPECT_THROW(require(before_a_restart), LeaseLost);
}

TEST_P(LeaseContract, ReleasedLeaseIsFreeAndOnlyItsHolderReleasesIt) {
    const auto first = take("a").value();
    store().write([&](Transaction& tx) { tx.release_lease(first); });
    const auto second = take("b");
    ASSERT_TRUE(second);
    store().write([&](Transaction& tx) { tx.release_lease(first); });
    EXPECT_FALSE(take("c")) << "a former holder's release changes nothing";
}

TEST_P(LeaseContract, WhatIsSettledOnlyGrowsAndEndsWithItsHolder) {
    const auto lease = take("a").value();
    EXPECT_LT(only().settled, at(0));
    require(lease, 60s, at(20));
    require(lease, 60s, at(10));
    require(lease, 60s);
    EXPECT_EQ(only().settled, at(20));
    take("a");
    EXPECT_LT(only().settled, at(0));
}

TEST_P(LeaseContract, OfManyWhoTryAtOnceOneGetsIt) {
    std::atomic<int> taken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int n = 0; n < 25; ++n)
                taken += take(std::to_string(i) + "." + std::to_string(n)).has_value();
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(only().epoch, 1);
}

TEST_P(LeaseContract, EnrolmentsAreCountedAndHeld) {
    const auto count = [&] { return read(store(), [](Reader& r) { return r.enrolment_count(); }); };
    EXPECT_EQ(count(), 0);
    store().write([](Transaction& tx) { EXPECT_EQ(tx.hold_enrolments(), 0); });
    enrol(store(), 3, 1);
    enrol(store(), 200, 1);
    EXPECT_EQ(count(), 2);
    store().write([](Transaction& tx) { EXPECT_EQ(tx.hold_enrolments(), 2); });
    EXPECT_EQ(read(store(), [](Reader& r) { return r.enrolments(1, 10).size(); }), 1U);
}

TEST_P(LeaseContract, ReceiptKeysComeTheLastFirstUsedLast) {
    store().write([](Transaction& tx) {
        tx.add_receipt_key(bytes<PublicKey>(1, 1), at(20));
        tx.add_receipt_key(bytes<PublicKey>(2, 1), at(10));
        tx.add_receipt_key(bytes<PublicKey>(1, 1), at(20));
    });
    const auto keys = read(store(), [](Reader& r) { return r.receipt_keys(); });
    ASSERT_EQ(keys.size(), 2U);
    EXPECT_EQ(keys[1], (bytes<PublicKey>(1, 1)));
}

}  // namespace
}  // namespace vigil::verifier
