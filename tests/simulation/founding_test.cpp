#include "verifier/founding.hpp"

#include <array>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <latch>
#include <thread>

#include "tests/store/private_postgres.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr Instant start = instant_from_ms(1'700'000'000'000);

struct FoundNetwork : testing::Test {
    Expected<Founded, FoundingError> found(const std::string& name, std::optional<Policy> policy,
                                           Instant now = start) {
        return found_network(*store, {.network_name = name, .policy = std::move(policy)}, now);
    }
    std::vector<PolicyRecord> policies() {
        std::vector<PolicyRecord> all;
        store->read([&](Reader& reader) { all = reader.policies(); });
        return all;
    }
    std::unique_ptr<Store> store = open_sqlite_store(":memory:");
    Policy october = *preset("incentivenet-2024-10");
    Policy september = *preset("incentivenet-2024-09");
};

TEST_F(FoundNetwork, ANewOneIsInForceFromItsFirstDay) {
    ASSERT_TRUE(found("alpha", october)->created);
    const Schedule schedule{*store};
    EXPECT_EQ(schedule.genesis().network_name, "alpha");
    EXPECT_EQ(schedule.genesis().programme_start_day.value, 19675);
    EXPECT_EQ(schedule.policy_on({19675})->name, "incentivenet-2024-10");
}

TEST_F(FoundNetwork, ASecondStartChangesNothing) {
    ASSERT_TRUE(found("alpha", october));
    const auto again = found("alpha", october, start + 50h);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->created);
    EXPECT_FALSE(again->announced);
    ASSERT_TRUE(found("", std::nullopt, start + 60h));
    EXPECT_EQ(policies().size(), 1U);
}

TEST_F(FoundNetwork, AnotherPolicyIsAnnouncedWithNotice) {
    ASSERT_TRUE(found("alpha", october));
    const auto changed = found("alpha", september, start + 24h);
    ASSERT_TRUE(changed && changed->announced);
    EXPECT_EQ(changed->announced->effective_day.value, 19678) << "today 19676, two days of notice";
    const Schedule schedule{*store};
    EXPECT_EQ(schedule.policy_on({19677})->name, "incentivenet-2024-10");
    EXPECT_EQ(schedule.policy_on({19678})->name, "incentivenet-2024-09");
    const auto again = found("alpha", september, start + 30h);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->announced) << "it was announced already";
}

TEST_F(FoundNetwork, WithoutNoticeItWaitsForTheNextDay) {
    Policy eager = *preset("demo");
    ASSERT_EQ(eager.notice_days, 0U);
    ASSERT_TRUE(found("alpha", eager));
    const DayIndex today = Calendar{eager}.day_at(start);
    eager.max_missed_checks = 2;
    EXPECT_EQ(found("alpha", eager)->announced->effective_day, today + 1);
}

/// Else an announced policy with a short notice would take the notice of the one in force away.
TEST_F(FoundNetwork, TheLongestNoticeInForceOrAnnouncedCounts) {
    Policy hasty = september;
    hasty.notice_days = 0;
    ASSERT_TRUE(found("alpha", october));
    ASSERT_EQ(found("alpha", hasty)->announced->effective_day.value, 19677);
    october.max_missed_checks = 2;
    EXPECT_EQ(found("alpha", october, start + 24h)->announced->effective_day.value, 19678)
        << "today 19676, two days of notice by the policy in force";

    hasty.max_missed_checks = 3;
    EXPECT_EQ(found("alpha", hasty, start + 72h)->announced->effective_day.value, 19680)
        << "today 19678: the last one announced is in force";
    hasty.max_missed_checks = 4;
    hasty.notice_days = 5;
    EXPECT_EQ(found("alpha", hasty, start + 96h)->announced->effective_day.value, 19681);
    hasty.max_missed_checks = 5;
    EXPECT_EQ(found("alpha", hasty, start + 96h)->announced->effective_day.value, 19684)
        << "five days of notice by one that is only announced";
}

TEST_F(FoundNetwork, WithNoticeBehindItASupersededPolicyDoesNotCount) {
    october.notice_days = 5;
    ASSERT_TRUE(found("alpha", october));
    ASSERT_EQ(found("alpha", september)->announced->effective_day.value, 19680);
    september.max_missed_checks = 2;
    EXPECT_EQ(found("alpha", september, start + 5 * 24h)->announced->effective_day.value, 19682);
}

TEST_F(FoundNetwork, ACalendarNeverChanges) {
    ASSERT_TRUE(found("alpha", october));
    const auto refused = found("alpha", *preset("demo"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, FoundingError::Kind::policy);
    EXPECT_THAT(refused.error().message, HasSubstr("86400000"));
    EXPECT_THAT(refused.error().message, HasSubstr("120000"));
}

TEST_F(FoundNetwork, AnotherNetworksStoreIsRefused) {
    ASSERT_TRUE(found("alpha", october));
    const auto refused = found("beta", std::nullopt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, FoundingError::Kind::network);
    EXPECT_THAT(refused.error().message, HasSubstr("\"alpha\""));
}

TEST_F(FoundNetwork, ANewOneNeedsNameAndPolicy) {
    EXPECT_EQ(found("alpha", std::nullopt).error().kind, FoundingError::Kind::policy);
    EXPECT_EQ(found("", october).error().kind, FoundingError::Kind::network);
}

using SchedulePlans = FoundNetwork;

TEST_F(SchedulePlans, AskingForOldWindowsKeepsTheNewest) {
    ASSERT_TRUE(found("alpha", october));
    const Calendar calendar{october};
    const DayIndex today = calendar.day_at(start);
    store->write([&](Transaction& tx) {
        for (DayIndex day = today - 30; day <= today + 1; ++day)
            tx.add_day_key(
                {.day = day, .key = {}, .commit = {}, .committed = start, .revealed = {}});
    });
    Schedule schedule{*store};
    const WindowIndex now = calendar.window_at(start);
    const std::array newest{schedule.plan(now + 1), schedule.plan(now), schedule.plan(now - 1)};
    for (std::int64_t back = 2; back < 100; ++back) schedule.plan(now - back);
    for (std::int64_t back = 99; back >= 2; --back) schedule.plan(now - back);
    EXPECT_EQ(schedule.plan(now + 1), newest[0]);
    EXPECT_EQ(schedule.plan(now), newest[1]);
    EXPECT_EQ(schedule.plan(now - 1), newest[2]);
}

/// Each with a clock of its own, as on two machines.
TEST(FoundingOnPostgres, TwoVerifiersThatStartAtOnceFoundOneNetwork) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    for (int round = 0; round < 5; ++round) {
        const std::string uri = server->fresh_schema();
        const std::array stores{open_postgres_store(uri), open_postgres_store(uri)};
        std::array<Expected<Founded, FoundingError>, 2> founded;
        std::latch together{2};
        {
            std::array<std::jthread, 2> starting;
            for (std::size_t i = 0; i < 2; ++i)
                starting[i] = std::jthread{[&, i] {
                    together.arrive_and_wait();
                    founded[i] = found_network(
                        *stores[i],
                        {.network_name = "alpha", .policy = preset("incentivenet-2024-10")},
                        start + i * 3ms);
                }};
        }
        ASSERT_TRUE(founded[0] && founded[1]) << "round " << round;
        EXPECT_NE(founded[0]->created, founded[1]->created) << "round " << round;
        EXPECT_FALSE(founded[0]->announced || founded[1]->announced);
    }
}

}  // namespace
}  // namespace vigil::verifier
