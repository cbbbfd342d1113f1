#include "node/workload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "node/console_lines.hpp"
#include "node/limit_keeper.hpp"
#include "node/workload_watch.hpp"
#include "proto/edge/http_server.hpp"
#include "proto/edge/version.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::eventually;
using ::testing::HasSubstr;
using ::testing::Not;
using Is = WorkloadState::Is;

bool never() { return false; }

Workload good(const WorkloadSettings& asked, const std::string& name = "engine") {
    auto workload = workload_of(name, asked);
    EXPECT_TRUE(workload) << workload.error();
    return workload.value_or(Workload{});
}
std::string trouble_of(const WorkloadSettings& asked) { return look_of(good(asked))(never); }
std::string refusal(const WorkloadSettings& asked, const std::string& name = "engine") {
    const auto workload = workload_of(name, asked);
    return workload ? "" : workload.error();
}

TEST(Workload, AVersionIsHeldAgainstEveryPart) {
    struct Row {
        const char *constraint, *version;
        bool allowed;
    };
    for (const Row& row : {Row{">=1.4.0", "1.4.0", true}, Row{">=1.4.0", "1.3.9", false},
                           Row{">= 1.4, <2", "1.10", true}, Row{">=1.4,<2", "2.0", false},
                           Row{"=1.4", "1.4.0", true}, Row{"!=1.4.2", "1.4.2", false},
                           Row{"<=3", "3.0.0.1", false}, Row{">3", "3.0.0.1", true}}) {
        const auto constraint = VersionConstraint::from_text(row.constraint);
        ASSERT_TRUE(constraint) << row.constraint;
        EXPECT_EQ(constraint->allows(edge::version_numbers(row.version).value()), row.allowed)
            << row.constraint << " " << row.version;
    }
    for (const char* wrong : {"", "1.4", "~1.4", ">=x", ">=1,", "=1,=2,=3,=4,=5,=6,=7,=8,=9"})
        EXPECT_FALSE(VersionConstraint::from_text(wrong)) << wrong;
}

TEST(Workload, TheFirstVersionInATextIsFound) {
    EXPECT_EQ(version_in("Client: v1.5.1-rc2"), "1.5.1");
    EXPECT_EQ(version_in("{\"GitVersion\":\"v1.7.0\",\"port\":1234}"), "1.7.0");
    EXPECT_EQ(version_in("Docker version 24.0.7, build afdd53b"), "24.0.7");
    EXPECT_EQ(version_in("port 1234, sha256.5"), "") << "neither is a version";
    EXPECT_EQ(version_in(""), "");
}

TEST(Workload, SettingsThatMakeNoSenseAreNamed) {
    EXPECT_THAT(refusal({}), HasSubstr("exactly one of http, tcp and exec"));
    EXPECT_THAT(refusal({.http = "http://h/", .tcp = "h:1"}), HasSubstr("exactly one"));
    EXPECT_THAT(refusal({.http = "http://me:hush@h/"}), HasSubstr("workload.\"engine\".http"));
    EXPECT_THAT(refusal({.http = "http://me:hush@h/"}), Not(HasSubstr("hush")));
    EXPECT_THAT(refusal({.tcp = "nowhere"}), HasSubstr("host:port"));
    EXPECT_THAT(refusal({.exec = {"docker", "ps"}}), HasSubstr("whole path"));
    EXPECT_THAT(refusal({.tcp = "h:1", .version = ">=1"}), HasSubstr("only http and exec"));
    EXPECT_THAT(refusal({.http = "http://h/", .version = "new"}), HasSubstr("version"));
    EXPECT_THAT(refusal({.tcp = "h:1", .on_failure = "stop"}), HasSubstr("report nor pause"));
    EXPECT_THAT(refusal({.tcp = "h:1"}, "a b"), HasSubstr("letters"));
    EXPECT_EQ(way_words(good({.http = "https://h:7/token"})), "http h:7") << "paths may be secret";
}

TEST(Workload, FailsAfterSoManyInARowAndIsWellAfterOne) {
    WorkloadState state;
    const auto look = [&](const char* trouble, std::int64_t ms) {
        state = step(state, 3, trouble, instant_from_ms(ms));
        return state.is;
    };
    EXPECT_EQ(look("refused", 1), Is::unknown);
    EXPECT_EQ(look("", 2), Is::good);
    EXPECT_EQ(look("refused", 3), Is::good);
    EXPECT_EQ(look("refused", 4), Is::good);
    EXPECT_EQ(look("", 5), Is::good) << "not three in a row";
    EXPECT_EQ(look("a", 6), Is::good);
    EXPECT_EQ(look("b", 7), Is::good);
    EXPECT_EQ(look("c", 8), Is::failing);
    EXPECT_EQ(state.since, instant_from_ms(8));
    EXPECT_EQ(look("d", 9), Is::failing);
    EXPECT_EQ(state.since, instant_from_ms(8));
    EXPECT_EQ(state.failures_in_row, 4u);
    EXPECT_EQ(look("", 10), Is::good);
    EXPECT_EQ(state.why, "");
}

TEST(Workload, IsLookedAtByHttp) {
    edge::HttpServer server;
    server.route("/alive", [](const edge::HttpRequest&) {
        return edge::HttpResponse{200, "text/plain", "engine v1.5.1"};
    });
    server.start("127.0.0.1", 0, "--http-port");
    const std::string base = "http://127.0.0.1:" + std::to_string(server.port());
    EXPECT_EQ(trouble_of({.http = base + "/alive"}), "");
    EXPECT_EQ(trouble_of({.http = base + "/alive", .version = ">=1.5, <2"}), "");
    EXPECT_EQ(trouble_of({.http = base + "/alive", .version = ">=2"}),
              "its version is 1.5.1, and >=2 is asked for");
    EXPECT_THAT(trouble_of({.http = base + "/hush"}), HasSubstr("answered 404"));
    EXPECT_THAT(trouble_of({.http = base + "/hush"}), Not(HasSubstr("hush")));
    EXPECT_EQ(trouble_of({.tcp = "127.0.0.1:" + std::to_string(server.port())}), "");
    server.stop();
    EXPECT_THAT(trouble_of({.http = base + "/alive"}), HasSubstr("refused"));
}

TEST(Workload, IsLookedAtByAProgramWithoutAShell) {
    EXPECT_EQ(trouble_of({.exec = {"/bin/true"}}), "");
    EXPECT_EQ(trouble_of({.exec = {"/bin/false"}}), "false ended with 1");
    EXPECT_THAT(trouble_of({.exec = {"/nowhere/engine"}}), HasSubstr("could not be started"));
    EXPECT_EQ(trouble_of({.exec = {"/bin/echo", "$HOME;", "v1.2.3"}, .version = "=1.2.3"}), "");
    EXPECT_EQ(trouble_of({.exec = {"/bin/echo", "hello"}, .version = ">=1"}),
              "it names no version, and >=1 is asked for");
    EXPECT_THAT(trouble_of({.exec = {"/bin/sleep", "60"}, .timeout = 1}),
                HasSubstr("did not end within 1000 ms"));
}

struct WorkloadWatchTest : ::testing::Test {
    Board board{[] {
        NodeStatus status;
        status.devices.emplace_back();
        status.devices[0].label = "cpu0";
        return status;
    }()};
    Metrics metrics{"test", board.read().devices};
    std::mutex mutex;
    std::string trouble;  // guarded by mutex

    void set(const std::string& now) {
        const std::lock_guard lock{mutex};
        trouble = now;
    }
    WorkloadWatch::Watched watched(OnFailure on_failure) {
        Workload workload = good({.tcp = "127.0.0.1:9"});
        workload.interval = Milliseconds{5};
        workload.on_failure = on_failure;
        return {workload, [this](const auto&) {
                    const std::lock_guard lock{mutex};
                    return trouble;
                }};
    }
    static Instant now() { return instant_from_ms(1000); }
    Is is() { return board.read().workloads.at(0).state.is; }
};

TEST_F(WorkloadWatchTest, OneThatPausesRestsTheDevicesUntilItIsWell) {
    set("connection refused");
    const WorkloadWatch watch{{watched(OnFailure::pause)}, board, metrics, now};
    LimitKeeper keeper{{Limits{}}, [](std::size_t) { return health::Health{}; },
                       board,      metrics,
                       now,        [&] { return watch.pauses(); }};
    ASSERT_TRUE(eventually([&] { return is() == Is::failing; }));
    keeper.look();
    EXPECT_TRUE(keeper.beyond(0).workload);
    EXPECT_THAT(state_words(board.read().devices[0]),
                HasSubstr("paused: workload engine fails: connection refused"));
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_gpu_paused{gpu=\"cpu0\",reason=\"workload\"} 1"));
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_workload_up{workload=\"engine\"} 0"));
    const std::string table = status_table(board.read(), now());
    EXPECT_THAT(table, HasSubstr("a check due meanwhile is missed"));
    EXPECT_THAT(table, HasSubstr("failing: connection refused"));
    const auto json = nlohmann::json::parse(status_json(board.read(), now())).at("workloads").at(0);
    EXPECT_EQ(json.at("state"), "failing");
    EXPECT_EQ(json.at("on_failure"), "pause");
    EXPECT_EQ(json.at("why"), "connection refused");

    set("");
    ASSERT_TRUE(eventually([&] { return is() == Is::good; }));
    keeper.look();
    EXPECT_FALSE(keeper.beyond(0).any());
    EXPECT_THAT(metrics.text(), HasSubstr("vigil_node_workload_up{workload=\"engine\"} 1"));
}

TEST_F(WorkloadWatchTest, OneThatReportsPausesNothing) {
    set("connection refused");
    const WorkloadWatch watch{{watched(OnFailure::report)}, board, metrics, now};
    ASSERT_TRUE(eventually([&] { return is() == Is::failing; }));
    EXPECT_EQ(watch.pauses(), "");
    EXPECT_THAT(
        metrics.text(),
        Not(HasSubstr("vigil_node_workload_looks_total{result=\"failed\",workload=\"engine\"} 0")));
}

TEST_F(WorkloadWatchTest, ALookUnderWayIsAbandonedAtTheEnd) {
    const Workload slow = good({.exec = {"/bin/sleep", "60"}, .timeout = 50});
    const auto begun = std::chrono::steady_clock::now();
    {
        const WorkloadWatch watch{watched_of({slow}), board, metrics, now};
        std::this_thread::sleep_for(Milliseconds{50});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Milliseconds{10'000});
    EXPECT_EQ(is(), Is::unknown);
}

}  // namespace
}  // namespace vigil::node
