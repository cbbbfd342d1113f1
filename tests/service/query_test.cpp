#include <algorithm>
#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

struct Querying : ::testing::Test {
    void SetUp() override { ASSERT_TRUE(node.enrol().ok()); }

    template <class Request, class Response>
    grpc::Status call(grpc::Status (v1::QueryService::Stub::*method)(grpc::ClientContext*,
                                                                     const Request&, Response*),
                      const Request& request, Response& response) {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + 10s);
        return (stub.*method)(&context, request, &response);
    }
    template <class Request>
    Request about(std::size_t device) const {
        Request request;
        request.set_device_id(wire::raw(node.devices[device]));
        return request;
    }
    DeviceRef ref(std::size_t device = 0) { return world.roster.device(node.devices[device])->ref; }
    DayIndex today() { return world.schedule.calendar().day_at(world.clock.now()); }

    WindowRecord window_record(WindowIndex window, WindowOutcome outcome, std::uint64_t rate) {
        return {.device = ref(),
                .window = window,
                .outcome = outcome,
                .misses = 0,
                .roll_call_rate = rate,
                .roll_call_valid = rate > 0,
                .reason = rate > 0 ? "all well" : "roll call missed",
                .closed = world.clock.now()};
    }
    VerdictRecord verdict(WindowIndex window, Verdict verdict, std::uint64_t rate) {
        const Span span = world.schedule.calendar().span(window);
        return {.claim = {.device = ref(),
                          .window = window,
                          .kind = CheckKind::roll_call,
                          .ref = static_cast<std::uint64_t>(window.value) * 4},
                .challenge = Challenge{{static_cast<std::uint8_t>(window.value % 251)}},
                .start = span.begin + 13min + 7s,
                .deadline = span.begin + 14min,
                .received = std::nullopt,
                .k = 8,
                .theta = Ppm{700'000},
                .judgement = {.verdict = verdict,
                              .work = rate * 20,
                              .rate = rate,
                              .baseline = 900'000,
                              .reason = "because of " + std::to_string(rate)}};
    }
    /// Six closed windows of a day: two complete with 1 and 3 MH/s, one void, three incomplete.
    void close_day(DayIndex day) {
        const WindowIndex first = world.schedule.calendar().first_window(day);
        const WindowOutcome outcomes[] = {WindowOutcome::complete,   WindowOutcome::incomplete,
                                          WindowOutcome::voided,     WindowOutcome::complete,
                                          WindowOutcome::incomplete, WindowOutcome::incomplete};
        for (int i = 0; i < 6; ++i) {
            const WindowIndex window = first + i;
            const std::uint64_t rate = i == 0 ? 1'000'000U : i == 3 ? 3'000'000U : 0U;
            const std::vector<VerdictRecord> verdicts{
                verdict(window, rate > 0 ? Verdict::passed : Verdict::missed, rate)};
            std::vector<VoidRecord> voids;
            if (i == 2) voids.push_back({verdicts[0].claim, "the verifier slept"});
            const std::vector<WindowRecord> records{window_record(window, outcomes[i], rate)};
            world.store.write([&](Transaction& transaction) {
                transaction.close_window(window, world.clock.now(), verdicts, voids, records);
            });
        }
    }
    void settle(const DayRecord& record) {
        world.store.write([&](Transaction& transaction) {
            transaction.settle_day(
                {.day = record.day, .state_hash = {}, .devices = 1, .settled = world.clock.now()},
                std::vector<DayRecord>{record});
        });
    }
    /// Up with 2 MH/s and N = 3, then a grace day, then one that is slashed.
    void settle_three_days() {
        const Standing up{
            .balance = Micro{34'821'600}, .service_days = 1, .grace_left = 1, .down_run = 0};
        const Standing grace{
            .balance = Micro{34'821'600}, .service_days = 0, .grace_left = 0, .down_run = 1};
        const Standing slashed{
            .balance = Micro{33'951'060}, .service_days = 0, .grace_left = 0, .down_run = 2};
        DayRecord day{.device = ref(),
                      .day = today(),
                      .outcome = DayOutcome::up,
                      .counted = 3,
                      .multiplier = Ppm{1'741'080},
                      .rate = 2'000'000,
                      .credit = Micro{34'821'600},
                      .slashed = {},
                      .grace_used = false,
                      .tier = 0,
                      .after = up,
                      .baseline = 900'000,
                      .reason = "2 complete, 3 incomplete, 1 void"};
        settle(day);
        day.day = today() + 1;
        day.outcome = DayOutcome::down;
        day.counted = 0;
        day.multiplier = Ppm{0};
        day.rate = 0;
        day.credit = Micro{};
        day.grace_used = true;
        day.after = grace;
        day.reason = "6 incomplete";
        settle(day);
        day.day = today() + 2;
        day.grace_used = false;
        day.tier = 1;
        day.slashed = Micro{870'540};
        day.after = slashed;
        settle(day);
    }

    World world;
    TestNode node{world.connect(), 1, 2};
    v1::QueryService::Stub stub{node.channel};
};

TEST_F(Querying, Network) {
    v1::GetNetworkResponse response;
    ASSERT_TRUE(call(&v1::QueryService::Stub::GetNetwork, v1::GetNetworkRequest{}, response).ok());
    const wire::Network network = wire::network_from_proto(response.network()).value();
    EXPECT_EQ(network.name, "test");
    EXPECT_EQ(network.id, node.network);
    EXPECT_EQ(network.verifier_version, "1.2.3");
    EXPECT_EQ(network.programme_start_day, today());
}

TEST_F(Querying, DayKeyIsTheRightOneAndOnlyShownOnceRevealed) {
    v1::ListDayKeysRequest request;
    request.set_first_day(today().value);
    v1::ListDayKeysResponse response;
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDayKeys, request, response).ok());
    ASSERT_EQ(response.day_keys_size(), 3);
    for (const v1::DayKey& key : response.day_keys()) {
        EXPECT_EQ(key.commit().size(), 32U);
        EXPECT_TRUE(key.key().empty());
        EXPECT_EQ(key.revealed_ms(), 0);
    }
    world.store.write([&](Transaction& transaction) {
        transaction.reveal_day_key(today(), world.clock.now() + 1h);
    });
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDayKeys, request, response).ok());
    const DayKey key = wire::fixed_from_proto<DayKey>(response.day_keys(0).key(), "key").value();
    EXPECT_EQ(wire::raw(commit(node.network, today(), key)), response.day_keys(0).commit());
    EXPECT_TRUE(response.day_keys(1).key().empty());

    request.set_first_day(std::numeric_limits<std::int64_t>::max());
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDayKeys, request, response).ok());
    EXPECT_EQ(response.day_keys_size(), 0);
}

TEST_F(Querying, BeaconsAreToldOnceTheirChecksHaveStarted) {
    v1::ListBeaconsRequest request;
    v1::ListBeaconsResponse response;
    const auto told = [&](std::int64_t window) {
        request.set_window(window);
        EXPECT_TRUE(call(&v1::QueryService::Stub::ListBeacons, request, response).ok());
        return response.beacons_size();
    };
    const FleetCheck first = world.plan()->fleet.at(0);
    world.clock.set(first.start - 1ms);
    EXPECT_EQ(told(world.window().value), 0);
    world.clock.set(first.start);
    ASSERT_EQ(told(world.window().value), 1);
    EXPECT_EQ(response.beacons(0).beacon(), wire::raw(first.beacon));
    EXPECT_EQ(response.beacons(0).slot(), first.slot.value);
    EXPECT_EQ(response.beacons(0).start_ms(), to_ms(first.start));
    EXPECT_EQ(told(world.window().value + 1), 0);
    EXPECT_EQ(told(-5), 0);
    EXPECT_EQ(told(std::numeric_limits<std::int64_t>::max()), 0);
    const std::int64_t window = world.window().value;
    world.clock.advance(std::chrono::hours{4});
    EXPECT_EQ(told(window), 4);
}

TEST_F(Querying, DevicesArePagedInAscendingOrderAndFiltered) {
    TestNode other{node.channel, 2, 3};
    wire::Enrolment claimed = other.claims();
    claimed.payout = PayoutAddress{{0xcd}};
    ASSERT_TRUE(other.enrol(claimed).ok());

    v1::ListDevicesRequest request;
    request.set_page_size(2);
    std::vector<std::string> ids;
    int pages = 0;
    do {
        v1::ListDevicesResponse response;
        ASSERT_TRUE(call(&v1::QueryService::Stub::ListDevices, request, response).ok());
        ASSERT_LE(response.devices_size(), 2);
        for (const v1::Device& device : response.devices()) ids.push_back(device.device_id());
        request.set_page_token(response.next_page_token());
        ++pages;
    } while (!request.page_token().empty() && pages < 10);
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(ids.size(), 5U);
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));

    v1::ListDevicesResponse response;
    request.Clear();
    request.set_payout_address(wire::raw(claimed.payout));
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDevices, request, response).ok());
    EXPECT_EQ(response.devices_size(), 3);
    EXPECT_EQ(response.devices(0).node_id(), wire::raw(other.id));
    EXPECT_EQ(response.devices(0).claimed().model(), "RTX 4090");
    EXPECT_EQ(response.devices(0).claimed().backend(), v1::BACKEND_CUDA);
    EXPECT_EQ(response.devices(0).standing().balance_micro(), "0");

    request.Clear();
    request.set_node_id(wire::raw(node.id));
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDevices, request, response).ok());
    EXPECT_EQ(response.devices_size(), 2);
    EXPECT_TRUE(response.next_page_token().empty());

    request.set_page_token("nonsense");
    const grpc::Status status = call(&v1::QueryService::Stub::ListDevices, request, response);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::malformed);
}

TEST_F(Querying, UnknownDeviceIsNotFound) {
    node.devices[0].bytes[0] ^= 1;
    const auto expect_not_found = [&](auto method, auto request, auto response) {
        const grpc::Status status = call(method, request, response);
        EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
        ASSERT_TRUE(refusal_of(status));
        EXPECT_EQ(refusal_of(status)->reason, RefusalReason::not_found);
    };
    using Stub = v1::QueryService::Stub;
    expect_not_found(&Stub::ListChecks, about<v1::ListChecksRequest>(0), v1::ListChecksResponse{});
    expect_not_found(&Stub::ListWindows, about<v1::ListWindowsRequest>(0),
                     v1::ListWindowsResponse{});
    expect_not_found(&Stub::ListDays, about<v1::ListDaysRequest>(0), v1::ListDaysResponse{});
    expect_not_found(&Stub::ListLedger, about<v1::ListLedgerRequest>(0), v1::ListLedgerResponse{});
    expect_not_found(&Stub::GetStanding, about<v1::GetStandingRequest>(0),
                     v1::GetStandingResponse{});
    expect_not_found(&Stub::Explain, about<v1::ExplainRequest>(0), v1::ExplainResponse{});
}

TEST_F(Querying, HistoryIsPagedNewestFirst) {
    close_day(today());
    v1::ListWindowsRequest request = about<v1::ListWindowsRequest>(0);
    request.set_page_size(4);
    v1::ListWindowsResponse first, second;
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListWindows, request, first).ok());
    ASSERT_EQ(first.windows_size(), 4);
    const std::int64_t begin = world.schedule.calendar().first_window(today()).value;
    EXPECT_EQ(first.windows(0).window(), begin + 5);
    EXPECT_EQ(first.windows(2).outcome(), v1::WINDOW_OUTCOME_COMPLETE);
    EXPECT_EQ(first.windows(2).roll_call_rate(), 3'000'000U);
    request.set_page_token(first.next_page_token());
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListWindows, request, second).ok());
    ASSERT_EQ(second.windows_size(), 2);
    EXPECT_EQ(second.windows(1).window(), begin);
    EXPECT_TRUE(second.next_page_token().empty());

    v1::ListChecksResponse checks;
    ASSERT_TRUE(
        call(&v1::QueryService::Stub::ListChecks, about<v1::ListChecksRequest>(0), checks).ok());
    ASSERT_EQ(checks.checks_size(), 6);
    EXPECT_EQ(checks.checks(3).window(), begin + 2);
    EXPECT_EQ(checks.checks(3).verdict(), v1::VERDICT_VOID);
    EXPECT_EQ(checks.checks(3).reason(), "the verifier slept (was missed: because of 0)");
    EXPECT_EQ(checks.checks(5).verdict(), v1::VERDICT_PASSED);
    EXPECT_EQ(checks.checks(5).rate(), 1'000'000U);
    EXPECT_EQ(checks.checks(5).theta_ppm(), 700'000U);

    request.set_page_token("-");
    const grpc::Status status = call(&v1::QueryService::Stub::ListWindows, request, second);
    ASSERT_TRUE(refusal_of(status));
    EXPECT_EQ(refusal_of(status)->reason, RefusalReason::malformed);
}

TEST_F(Querying, DaysLedgerAndStandingAgree) {
    v1::GetStandingResponse standing;
    const auto standing_request = about<v1::GetStandingRequest>(0);
    ASSERT_TRUE(call(&v1::QueryService::Stub::GetStanding, standing_request, standing).ok());
    EXPECT_EQ(standing.standing().balance_micro(), "0");
    EXPECT_EQ(standing.day(), 0);

    settle_three_days();
    ASSERT_TRUE(call(&v1::QueryService::Stub::GetStanding, standing_request, standing).ok());
    EXPECT_EQ(standing.standing().balance_micro(), "33951060");
    EXPECT_EQ(standing.standing().down_run(), 2U);
    EXPECT_EQ(standing.day(), today().value + 2);
    EXPECT_EQ(standing.baseline(), 900'000U);

    v1::ListDaysResponse days;
    ASSERT_TRUE(call(&v1::QueryService::Stub::ListDays, about<v1::ListDaysRequest>(0), days).ok());
    ASSERT_EQ(days.days_size(), 3);
    EXPECT_EQ(days.days(0).slashed_micro(), "870540");
    EXPECT_TRUE(days.days(1).grace_used());
    EXPECT_EQ(days.days(2).outcome(), v1::DAY_OUTCOME_UP);
    EXPECT_EQ(days.days(2).multiplier_ppm(), 1'741'080U);

    v1::ListLedgerResponse ledger;
    ASSERT_TRUE(
        call(&v1::QueryService::Stub::ListLedger, about<v1::ListLedgerRequest>(0), ledger).ok());
    ASSERT_EQ(ledger.entries_size(), 3);
    EXPECT_EQ(ledger.entries(0).kind(), v1::LEDGER_KIND_SLASH);
    EXPECT_EQ(ledger.entries(0).amount_micro(), "870540");
    EXPECT_EQ(ledger.entries(0).balance_after_micro(), "33951060");
    EXPECT_EQ(ledger.entries(1).kind(), v1::LEDGER_KIND_GRACE);
    EXPECT_EQ(ledger.entries(1).amount_micro(), "0");
    EXPECT_EQ(ledger.entries(2).kind(), v1::LEDGER_KIND_CREDIT);
    EXPECT_EQ(ledger.entries(2).amount_micro(), "34821600");
}

TEST_F(Querying, ExplainShowsTheArithmeticOfADay) {
    close_day(today());
    v1::ExplainRequest request = about<v1::ExplainRequest>(0);
    request.set_day(today().value);
    v1::ExplainResponse open;
    ASSERT_TRUE(call(&v1::QueryService::Stub::Explain, request, open).ok());
    EXPECT_EQ(open.lines(open.lines_size() - 1), "the day is not settled yet");

    settle_three_days();
    v1::ExplainResponse response;
    ASSERT_TRUE(call(&v1::QueryService::Stub::Explain, request, response).ok());
    EXPECT_THAT(
        response.lines(),
        ElementsAre(
            "device " + to_hex(node.devices[0]) +
                ", day 20000: 2024-10-04 00:00:00 to 2024-10-05 00:00:00 UTC, policy small",
            "  window 1 of 6, 00:00:00 to 04:00:00: complete - all well",
            "    00:13:07 roll_call: passed - because of 1000000",
            "  window 2 of 6, 04:00:00 to 08:00:00: incomplete - roll call missed",
            "    04:13:07 roll_call: missed - because of 0",
            "  window 3 of 6, 08:00:00 to 12:00:00: void - roll call missed",
            "    08:13:07 roll_call: missed - because of 0; void: the verifier slept",
            "  window 4 of 6, 12:00:00 to 16:00:00: complete - all well",
            "    12:13:07 roll_call: passed - because of 3000000",
            "  window 5 of 6, 16:00:00 to 20:00:00: incomplete - roll call missed",
            "    16:13:07 roll_call: missed - because of 0",
            "  window 6 of 6, 20:00:00 to 00:00:00: incomplete - roll call missed",
            "    20:13:07 roll_call: missed - because of 0",
            "day: up - 2 complete, 3 incomplete, 1 void",
            "multiplier: N = 3 windows complete or void, so the factor is 1.74108",
            "day rate: (1,000,000 + 3,000,000) / 2 = 2,000,000 H/s, the mean of the complete "
            "windows' roll calls",
            "base: 10.000000 credits per MH/s and day",
            "credit: 2,000,000 H/s * 10.000000 credits per MH/s * 1.74108 = 34.821600 credits",
            "balance: 0.000000 credits -> 34.821600 credits",
            "standing: 1 of 30 service days towards grace, 1 grace days in hand, 0 down days in a "
            "row, baseline 900,000 H/s"));

    request.set_day(today().value + 1);
    ASSERT_TRUE(call(&v1::QueryService::Stub::Explain, request, response).ok());
    EXPECT_THAT(response.lines(),
                ::testing::Contains("grace: day 1 of a run of down days; one of 1 grace days is "
                                    "used and nothing is slashed"));
    request.set_day(today().value + 2);
    ASSERT_TRUE(call(&v1::QueryService::Stub::Explain, request, response).ok());
    EXPECT_THAT(response.lines(),
                ::testing::Contains(
                    "slash: day 2 of a run of down days without grace; from day 1 of a run it is "
                    "2.5 % of 34.821600 credits = 0.870540 credits"));
    EXPECT_THAT(response.lines(),
                ::testing::Contains("balance: 34.821600 credits -> 33.951060 credits"));

    for (const std::int64_t day : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::max()}) {
        request.set_day(day);
        const grpc::Status status = call(&v1::QueryService::Stub::Explain, request, response);
        ASSERT_TRUE(refusal_of(status));
        EXPECT_EQ(refusal_of(status)->reason, RefusalReason::malformed);
    }
}

}  // namespace
}  // namespace vigil::verifier::test
