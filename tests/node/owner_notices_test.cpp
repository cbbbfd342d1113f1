#include "node/owner_notices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil::node {
namespace {

using edge::Notice;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

struct NodeIncidentsTest : ::testing::Test {
    NodeStatus now = [] {
        NodeStatus s;
        s.name = "rack 3";
        s.network = "mynet";
        s.connected = true;
        DeviceStatus d;
        d.label = "cuda0";
        d.description.name = "RTX 4090";
        d.day = 5;
        d.windows.assign(6, WindowMark::open);
        d.health.presence = health::Presence::present;
        s.devices.push_back(d);
        s.workloads.push_back({"engine", "tcp h:1", true, {}});
        return s;
    }();
    NodeIncidents incidents{2, now};
    std::int64_t minutes = 0;

    /// "opened: title" and the like, of a look a minute later.
    std::vector<std::string> look() {
        std::vector<std::string> words;
        ++minutes;
        last = incidents.look(now, instant_from_ms(minutes * 60'000));
        for (const Notice& notice : last)
            words.push_back((notice.kind == Notice::Kind::opened ? "opened: " : "recovered: ") +
                            notice.title);
        return words;
    }
    void window(std::size_t index, WindowMark mark) { now.devices[0].windows[index] = mark; }
    std::vector<Notice> last;
};

TEST_F(NodeIncidentsTest, WindowsMissedInARowAreOneIncidentWithItsCost) {
    EXPECT_THAT(look(), IsEmpty());
    window(0, WindowMark::failed);
    EXPECT_THAT(look(), IsEmpty()) << "one may be bad luck";
    EXPECT_THAT(look(), IsEmpty()) << "and is counted once";
    window(1, WindowMark::voided);
    EXPECT_THAT(look(), IsEmpty()) << "says nothing";
    window(2, WindowMark::failed);
    EXPECT_THAT(look(), ElementsAre("opened: cuda0 (RTX 4090) misses windows"));
    EXPECT_EQ(last[0].source, "node rack 3 of mynet");
    EXPECT_THAT(last[0].lines, Contains("windows today: 0 passed, 2 missed, 3 to come, of 6"));
    EXPECT_THAT(last[0].lines, Contains("for 3 min"));
    EXPECT_THAT(last[0].facts, Contains(Pair("windows_missed", "2")));
    EXPECT_TRUE(incidents.any_open());
    window(3, WindowMark::failed);
    EXPECT_THAT(look(), IsEmpty()) << "an incident is told once";
    now.devices[0].day = 6;
    now.devices[0].windows.assign(6, WindowMark::open);
    window(0, WindowMark::passed);
    EXPECT_THAT(look(), ElementsAre("recovered: over: cuda0 (RTX 4090) misses windows"));
    EXPECT_THAT(last[0].lines, Contains("it lasted 5 min"));
    EXPECT_FALSE(incidents.any_open());
}

TEST_F(NodeIncidentsTest, ALostCardIsToldAtOnceAndWhenItIsBack) {
    now.devices[0].health = {health::Presence::lost, "GPU is lost (NVML 15)", {}, Milliseconds{0}};
    EXPECT_THAT(look(), ElementsAre("opened: cuda0 (RTX 4090) is lost"));
    EXPECT_THAT(last[0].lines, Contains("GPU is lost (NVML 15)"));
    now.devices[0].health.presence = health::Presence::unknown;
    EXPECT_THAT(look(), IsEmpty());
    now.devices[0].health.presence = health::Presence::present;
    EXPECT_THAT(look(), ElementsAre("recovered: over: cuda0 (RTX 4090) is lost"));
}

TEST_F(NodeIncidentsTest, AVerifierIsMissedAfterFiveMinutes) {
    look();
    now.connected = false;
    now.connection_changed = instant_from_ms(60'000);
    now.trouble = "E-UNREACHABLE: no route";
    for (int i = 0; i < 4; ++i) EXPECT_THAT(look(), IsEmpty()) << i;
    EXPECT_THAT(look(), ElementsAre("opened: the verifier is not reached"));
    EXPECT_THAT(last[0].lines, AllOf(Contains("E-UNREACHABLE: no route"), Contains("for 5 min")));
    now.connected = true;
    EXPECT_THAT(look(), ElementsAre("recovered: over: the verifier is not reached"));
    EXPECT_THAT(last[0].lines, Contains("it lasted 6 min"));
}

TEST_F(NodeIncidentsTest, AWorkloadThatFailsIsTold) {
    now.workloads[0].state.is = WorkloadState::Is::failing;
    now.workloads[0].state.why = "refused";
    EXPECT_THAT(look(), ElementsAre("opened: workload engine fails"));
    EXPECT_THAT(last[0].lines, Contains("tcp h:1: refused"));
    now.workloads[0].state.is = WorkloadState::Is::good;
    EXPECT_THAT(look(), ElementsAre("recovered: over: workload engine fails"));
}

TEST_F(NodeIncidentsTest, APauseIsTheOwnersWish) {
    now.devices[0].paused = "86 °C, temp_stop is 85 °C";
    EXPECT_THAT(look(), IsEmpty());
}

}  // namespace
}  // namespace vigil::node
