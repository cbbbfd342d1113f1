#include "node/hooks.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::eventually;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

NodeStatus status() {
    NodeStatus s;
    s.connected = true;
    s.name = "rack 3";
    DeviceStatus d;
    d.label = "cuda0";
    d.description.uid = "GPU-1";
    d.day = 5;
    d.windows = {WindowMark::passed, WindowMark::open, WindowMark::open};
    d.health.presence = health::Presence::present;
    s.devices.push_back(d);
    s.workloads.push_back({"engine", "tcp h:1", true, {}});
    return s;
}

/// The kinds that a change makes news.
template <class Change>
std::vector<std::string> kinds_after(Change change, NodeStatus before = status()) {
    NodeStatus after = before;
    change(after);
    std::vector<std::string> kinds;
    for (const News& news : news_of(before, after)) kinds.emplace_back(to_string(news.kind));
    return kinds;
}

TEST(News, IsWhatBecameDifferent) {
    using health::Presence;
    EXPECT_THAT(kinds_after([](NodeStatus&) {}), IsEmpty());
    EXPECT_THAT(kinds_after([](NodeStatus& s) {
                    s.devices[0].health.presence = Presence::lost;
                    s.connected = false;
                }),
                ElementsAre("gpu_lost", "disconnected"));
    NodeStatus lost = status();
    lost.devices[0].health.presence = Presence::lost;
    lost.connected = false;
    EXPECT_THAT(kinds_after([](NodeStatus& s) { s.devices[0].health.why = "still"; }, lost),
                IsEmpty());
    EXPECT_THAT(kinds_after([](NodeStatus& s) { s = status(); }, lost),
                ElementsAre("gpu_back", "connected"));
    EXPECT_THAT(kinds_after([](NodeStatus& s) { s.devices[0].paused = "86 °C"; }),
                ElementsAre("paused"));
    EXPECT_THAT(
        kinds_after([](NodeStatus& s) { s.workloads[0].state.is = WorkloadState::Is::good; }),
        IsEmpty())
        << "from unknown to good";
    EXPECT_THAT(
        kinds_after([](NodeStatus& s) { s.workloads[0].state.is = WorkloadState::Is::failing; }),
        ElementsAre("workload_failed"));
}

TEST(News, AMissedWindowIsNewOnceAndNewOnAnotherDay) {
    const auto miss = [](NodeStatus& s) { s.devices[0].windows[1] = WindowMark::failed; };
    EXPECT_THAT(kinds_after(miss), ElementsAre("window_missed"));
    NodeStatus missed = status();
    miss(missed);
    EXPECT_THAT(kinds_after([](NodeStatus& s) { s.receipts = 7; }, missed), IsEmpty());
    EXPECT_THAT(kinds_after(
                    [](NodeStatus& s) {
                        s.devices[0].day = 6;
                        s.devices[0].windows = {WindowMark::open, WindowMark::failed};
                    },
                    missed),
                ElementsAre("window_missed"))
        << "the same window of the next day";

    missed.devices[0].last_verdict =
        JudgedCheck{{}, CheckKind::roll_call, 0, Verdict::missed, 0, 5, "no \x1b[2J answer"};
    const News news = news_of(status(), missed).at(0);
    EXPECT_EQ(news.text, "cuda0 missed window 2 of 3, missed: no \\x1b[2J answer; 1 passed today");
    EXPECT_THAT(news.facts, Contains(Pair("window", "2")));
    EXPECT_THAT(news.facts, Contains(Pair("node", "rack 3")));
}

TEST(Hook, SettingsThatMakeNoSenseAreNamed) {
    EXPECT_THAT(hook_of("on_gpu_lst", {.run = {"/bin/true"}}).error(),
                HasSubstr("did you mean on_gpu_lost"));
    EXPECT_THAT(hook_of("on_gpu_lost", {}).error(), HasSubstr("whole path"));
    EXPECT_THAT(hook_of("on_gpu_lost", {.run = {"notify"}}).error(), HasSubstr("no shell"));
    EXPECT_EQ(hook_of("on_gpu_lost", {.run = {"/bin/true"}})->kind, NewsKind::gpu_lost);
}

struct HookRunnerTest : ::testing::Test {
    test::Folder folder;
    Metrics metrics{"test", {}};

    static Instant now() { return instant_from_ms(1'700'000'000'000); }
    Hook hook(std::vector<std::string> run, HookSettings asked = {}) {
        asked.run = std::move(run);
        return hook_of("on_gpu_lost", asked).value();
    }
    static News lost(std::string label = "cuda0") {
        return {NewsKind::gpu_lost, "it is \"lost\"; $(reboot)", {{"device", std::move(label)}}};
    }
    std::string file(const char* name) {
        std::ifstream in{folder.path() / name};
        return {std::istreambuf_iterator<char>{in}, {}};
    }
    bool counted(const char* result, int times) {
        return eventually([&] {
            return metrics.text().find("vigil_node_hooks_total{hook=\"on_gpu_lost\",result=\"" +
                                       std::string{result} + "\"} " + std::to_string(times) +
                                       "\n") != std::string::npos;
        });
    }
};

TEST_F(HookRunnerTest, AProgramIsToldByItsEnvironmentAndItsInput) {
    const std::string place = folder.path().string();
    HookRunner runner{
        {hook({"/bin/sh", "-c",
               "cat > " + place + "/in; env > " + place + "/env; echo $1 > " + place + "/arg", "sh",
               "$(reboot) ;"})},
        metrics,
        now};
    EXPECT_THAT(metrics.text(), HasSubstr("{hook=\"on_gpu_lost\",result=\"limited\"} 0"));
    runner.tell(lost());
    ASSERT_TRUE(counted("good", 1));
    const auto json = nlohmann::json::parse(file("in"));
    EXPECT_EQ(json.at("event"), "gpu_lost");
    EXPECT_EQ(json.at("time"), "2023-11-14T22:13:20Z");
    EXPECT_EQ(json.at("text"), "it is \"lost\"; $(reboot)");
    EXPECT_EQ(json.at("device"), "cuda0");
    const std::string environment = file("env");
    EXPECT_THAT(environment, HasSubstr("HOOK_EVENT=gpu_lost\n"));
    EXPECT_THAT(environment, HasSubstr("HOOK_DEVICE=cuda0\n"));
    EXPECT_THAT(environment, HasSubstr("PATH=/usr/local/sbin:"));
    EXPECT_EQ(environment.find("VIGIL_"), std::string::npos);
    EXPECT_EQ(environment.find("HOME="), std::string::npos) << "nothing of the node's own";
    EXPECT_EQ(file("arg"), "$(reboot) ;\n") << "an argument is not read by a shell";
}

TEST_F(HookRunnerTest, OneThatFailsOrHangsIsCountedAndTheNextIsStarted) {
    HookRunner runner{{hook({"/bin/sh", "-c",
                             "case $HOOK_DEVICE in a) exit 3;; b) sleep 60 & exec sleep 60;; esac"},
                            {.timeout = 1})},
                      metrics,
                      now};
    runner.tell(lost("a"));
    runner.tell(lost("b"));
    runner.tell(lost("c"));
    EXPECT_TRUE(counted("failed", 2));
    EXPECT_TRUE(counted("good", 1));
}

TEST_F(HookRunnerTest, AMissingProgramIsAFailureAndNothingElse) {
    HookRunner runner{{hook({"/nowhere/notify"})}, metrics, now};
    runner.tell(lost());
    EXPECT_TRUE(counted("failed", 1));
}

TEST_F(HookRunnerTest, TheyRunOneAtATimeAndNotTooOften) {
    const std::string place = folder.path().string();
    HookRunner runner{
        {hook({"/bin/sh", "-c",
               "mkdir " + place + "/busy || exit 1; sleep 0.05; rmdir " + place + "/busy"},
              {.per_hour = 5})},
        metrics,
        now};
    for (int i = 0; i < 9; ++i) runner.tell(lost());
    EXPECT_TRUE(counted("good", 5));
    EXPECT_TRUE(counted("limited", 4));
    EXPECT_TRUE(counted("failed", 0));
}

TEST_F(HookRunnerTest, NewsOfAnotherKindStartsNothingAndTheEndIsPrompt) {
    const auto begun = std::chrono::steady_clock::now();
    {
        HookRunner runner{{hook({"/bin/sleep", "60"})}, metrics, now};
        runner.tell({NewsKind::gpu_back, "", {}});
        runner.tell(lost());
        std::this_thread::sleep_for(Milliseconds{100});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Milliseconds{10'000});
    EXPECT_TRUE(counted("good", 0));
}

}  // namespace
}  // namespace vigil::node
