#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class NetworkContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, NetworkContract, every_implementation(), implementation_name);

TEST_P(NetworkContract, FreshStoreHoldsNothing) {
    store().read([](Reader& r) {
        EXPECT_FALSE(r.genesis());
        EXPECT_TRUE(r.policies().empty());
        EXPECT_FALSE(r.day_key({0}));
        EXPECT_TRUE(r.nodes().empty());
        EXPECT_TRUE(r.devices().empty());
        EXPECT_FALSE(r.last_closed_window());
        EXPECT_FALSE(r.last_settled_day());
        EXPECT_TRUE(r.standings().empty());
        EXPECT_EQ(r.answer_count(), 0);
        EXPECT_TRUE(r.heartbeats(at(0), at(1'000)).empty());
    });
}

TEST_P(NetworkContract, GenesisIsWrittenOnce) {
    const Genesis ours{
        .network_name = "m\u00f8nster", .programme_start_day = {20'000}, .founded = at(5)};
    store().write([&](Transaction& tx) { tx.found(ours); });
    store().write([&](Transaction& tx) { tx.found(ours); });
    EXPECT_EQ(read(store(), [](Reader& r) { return r.genesis(); }), ours);

    Genesis other = ours;
    other.network_name = "elsewhere";
    EXPECT_THROW(store().write([&](Transaction& tx) { tx.found(other); }), StoreFailed);
    other = ours;
    other.programme_start_day = {20'001};
    EXPECT_THROW(store().write([&](Transaction& tx) { tx.found(other); }), StoreFailed);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.genesis(); }), ours);
}

TEST_P(NetworkContract, PoliciesComeByEffectiveDayTheLaterAnnouncedLast) {
    const auto policy = [](std::int64_t day, std::int64_t announced) {
        const auto n = static_cast<std::uint64_t>(day * 1'000 + announced);
        return PolicyRecord{.effective_day = {day},
                            .announced = at(announced),
                            .canonical = "day=" + std::to_string(n) + "\n",
                            .hash = bytes<PolicyHash>(9, n)};
    };
    store().write([&](Transaction& tx) {
        tx.add_policy(policy(12, 2));
        tx.add_policy(policy(10, 3));
        tx.add_policy(policy(12, 1));
        tx.add_policy(policy(12, 2));
    });
    const auto found = read(store(), [](Reader& r) { return r.policies(); });
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].canonical, "day=10003\n");
    EXPECT_EQ(found[1].canonical, "day=12001\n");
    EXPECT_EQ(found[2].canonical, "day=12002\n");
    EXPECT_EQ(found[2].effective_day, DayIndex{12});
    EXPECT_EQ(found[2].announced, at(2));
    EXPECT_EQ(found[2].hash, policy(12, 2).hash);
}

DayKeyRecord key_of(std::int64_t day, std::uint64_t n) {
    return {.day = {day},
            .key = bytes<DayKey>(1, n),
            .commit = bytes<Commit>(2, n),
            .committed = at(static_cast<std::int64_t>(n)),
            .revealed = std::nullopt};
}

TEST_P(NetworkContract, FirstDayKeyStaysAndIsRevealedOnce) {
    store().write([](Transaction& tx) {
        tx.add_day_key(key_of(7, 1));
        tx.add_day_key(key_of(7, 2));
        EXPECT_EQ(tx.day_key({7}).value().key, key_of(7, 1).key);
    });
    const auto before = read(store(), [](Reader& r) { return r.day_key({7}); }).value();
    EXPECT_EQ(before.commit, key_of(7, 1).commit);
    EXPECT_EQ(before.committed, at(1));
    EXPECT_FALSE(before.revealed);

    store().write([](Transaction& tx) { tx.reveal_day_key({7}, at(50)); });
    store().write([](Transaction& tx) { tx.reveal_day_key({7}, at(60)); });
    EXPECT_EQ(read(store(), [](Reader& r) { return r.day_key({7}); }).value().revealed, at(50));
    EXPECT_FALSE(read(store(), [](Reader& r) { return r.day_key({6}); }));
}

TEST_P(NetworkContract, DayKeysAscendFromTheFirstAskedFor) {
    store().write([](Transaction& tx) {
        for (const int day : {9, 5, 8, 6}) tx.add_day_key(key_of(day, 1));
    });
    const auto found = read(store(), [](Reader& r) { return r.day_keys({6}, 2); });
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].day, DayIndex{6});
    EXPECT_EQ(found[1].day, DayIndex{8});
}

TEST_P(NetworkContract, HeartbeatsOfAllReplicasWithOneOnEachSide) {
    store().write([](Transaction& tx) {
        tx.add_heartbeat(0, at(10));
        tx.add_heartbeat(1, at(20));
        tx.add_heartbeat(0, at(30));
        tx.add_heartbeat(0, at(30));    // again: nothing
        tx.add_heartbeat(257, at(35));  // shares replica 1's bucket
        tx.add_heartbeat(4'000'000'000, at(40));
        tx.add_heartbeat(1, at(50));
        tx.add_heartbeat(0, at(60));
    });
    const auto beats = [&](int from, int to) {
        std::vector<std::int64_t> out;
        for (const Instant t :
             read(store(), [&](Reader& r) { return r.heartbeats(at(from), at(to)); }))
            out.push_back((t - at(0)).count());
        return out;
    };
    using Beats = std::vector<std::int64_t>;
    EXPECT_EQ(beats(30, 40), (Beats{20, 30, 35, 40, 50}));
    EXPECT_EQ(beats(21, 29), (Beats{20, 30}));
    EXPECT_EQ(beats(0, 9), (Beats{10}));
    EXPECT_EQ(beats(61, 99), (Beats{60}));
    EXPECT_EQ(beats(0, 99), (Beats{10, 20, 30, 35, 40, 50, 60}));
}

}  // namespace
}  // namespace vigil::verifier
