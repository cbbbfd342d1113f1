#include "node/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant now = instant_from_ms(20'454LL * 86'400'000 + 15 * 3'600'000);

NodeStatus busy() {
    NodeStatus s;
    s.version.assign("1.2.3");
    s.name = "rig";
    s.verifier = "vigil.example.org:9464";
    s.connected = true;
    s.connection_changed = now - Milliseconds{60'000};
    s.started = now - Milliseconds{120'000};
    s.slot_length = Milliseconds{3'600'000};
    s.window_length = Milliseconds{6 * 3'600'000};
    DeviceStatus d;
    d.label = "cuda0";
    d.description.name = "RTX 4090";
    d.rate_10s = 4.61e9;
    d.rate_15m = 4.6e9;
    d.day = 20'454;
    d.windows = {WindowMark::passed, WindowMark::failed, WindowMark::voided, WindowMark::open};
    s.devices.push_back(d);
    return s;
}

TEST(Page, HasWhatAnOwnerLooksFor) {
    NodeStatus s = busy();
    s.last_receipt = {now - Milliseconds{30'000}, CheckKind::hourly, {}};
    s.last_error = {now - Milliseconds{90'000}, "cuda0: launch failed"};
    s.devices[0].paused = "86 °C, temp_stop is 85 °C";
    s.devices[0].paused_since = now - Milliseconds{180'000};
    s.devices[0].missed_while_paused = 2;
    EXPECT_THAT(status_page(s, now),
                AllOf(HasSubstr("<title>rig · vigil-node</title>"), HasSubstr("RTX 4090"),
                      HasSubstr("4.61 GH/s"), HasSubstr("16:00:00 UTC"),
                      HasSubstr("roll call passed"), HasSubstr("roll call failed"),
                      HasSubstr("void"), HasSubstr("the last for an hourly check, 30 s ago"),
                      HasSubstr("cuda0: launch failed, 1 min ago"),
                      HasSubstr("cuda0 rests for 3 min: 86 °C"), HasSubstr("2 missed so far")));
}

TEST(Page, AWindowWithoutAVerdictSaysWhetherItIsStillToCome) {
    NodeStatus s = busy();
    DeviceStatus& d = s.devices[0];
    d.windows.assign(4, WindowMark::open);
    s.clock_offset = Milliseconds{-3'600'000};  // it is 16:00 where windows are counted
    s.started = now - std::chrono::hours{9};
    const std::string page = status_page(s, now);
    for (const char* cell : {"1 · 00:00–06:00</span><span class=\"what\"><span "
                             "aria-hidden=\"true\">· </span>before this start",
                             "2 · 06:00–12:00</span><span class=\"what\"><span "
                             "aria-hidden=\"true\">? </span>no verdict was told",
                             "3 · 12:00–18:00</span><span class=\"what\"><span "
                             "aria-hidden=\"true\">◔ </span>under way",
                             "4 · 18:00–00:00</span><span class=\"what\"><span "
                             "aria-hidden=\"true\">– </span>to come"})
        EXPECT_THAT(page, HasSubstr(cell));
    // Those of a day that is over are not today's.
    EXPECT_THAT(status_page(s, now + std::chrono::hours{8}),
                AllOf(HasSubstr("No roll call was judged today."), Not(HasSubstr("to come"))));
    s.window_length = Milliseconds{};
    EXPECT_THAT(status_page(s, now), HasSubstr("No roll call was judged today."));
}

TEST(Page, TheWindowsTimesAreTheCalendarsWhateverThisClockIsOff) {
    NodeStatus s = busy();
    for (const int off_ms : {-3, 0, 3}) {
        s.clock_offset = Milliseconds{off_ms};
        EXPECT_THAT(status_page(s, now),
                    AllOf(HasSubstr("1 · 00:00–06:00<"), HasSubstr("4 · 18:00–00:00<"),
                          Not(HasSubstr("23:59"))))
            << off_ms;
    }
}

TEST(Page, SaysWhenADeviceRetires) {
    NodeStatus s = busy();
    EXPECT_THAT(status_page(s, now), Not(HasSubstr("retire")));
    s.devices[0].retires_from = now + std::chrono::hours{9};
    EXPECT_THAT(status_page(s, now), HasSubstr(">idle, retires 2026-01-02 00:00 UTC<"));
    s.devices[0].retired = true;
    EXPECT_THAT(status_page(s, now), HasSubstr(">retired since 2026-01-02 00:00 UTC<"));
}

TEST(Page, SaysThatTheNodeIsOutdated) {
    NodeStatus s = busy();
    EXPECT_THAT(status_page(s, now), Not(HasSubstr("<dt>Update")));
    s.advice.recommended = "1.3.0";
    s.advice.outdated = true;
    EXPECT_THAT(status_page(s, now), AllOf(HasSubstr("<dt>Update"), HasSubstr("1.3.0")));
}

TEST(Page, ShowsWhatMustRunBesideTheNode) {
    NodeStatus s = busy();
    EXPECT_THAT(status_page(s, now), Not(HasSubstr("What must run beside")));
    s.workloads.push_back({.name = "engine",
                           .way = "http 127.0.0.1:1234",
                           .pauses = true,
                           .state = {.is = WorkloadState::Is::failing,
                                     .failures_in_row = 3,
                                     .why = "it answered 503 & more",
                                     .since = now - Milliseconds{240'000}}});
    EXPECT_THAT(status_page(s, now),
                AllOf(HasSubstr("What must run beside"), HasSubstr("http 127.0.0.1:1234"),
                      HasSubstr("failing"), HasSubstr("4 min ago"), HasSubstr("the devices rest"),
                      HasSubstr("it answered 503 &amp; more")));
}

TEST(Page, SaysWhatIsNotThereYet) {
    NodeStatus s = busy();
    s.connected = false;
    s.trouble = "E-UNREACHABLE: gone";
    s.devices[0].windows.clear();
    EXPECT_THAT(status_page(s, now),
                AllOf(HasSubstr("not connected"), HasSubstr("E-UNREACHABLE: gone"),
                      HasSubstr("none since the start"), HasSubstr("None since the start."),
                      HasSubstr("No device rests."), HasSubstr("No roll call was judged today.")));
    s.devices.clear();
    EXPECT_THAT(status_page(s, now), HasSubstr("</html>"));
}

TEST(Page, WhatOthersSayIsTextAndNothingIsAskedOfOtherHosts) {
    NodeStatus s = busy();
    const std::string evil = "<script>alert('x')</script>\"&";
    s.name = s.network = s.payout = s.verifier = evil;
    s.last_error = {now, evil};
    DeviceStatus& d = s.devices[0];
    d.label = d.description.name = d.paused = evil;
    d.last_verdict = JudgedCheck{{}, CheckKind::spot, 0, Verdict::missed, 0, 5, evil};
    const std::string page = status_page(s, now);
    EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("http:")),
                            Not(HasSubstr("https:")), Not(HasSubstr("style="))));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
}

}  // namespace
}  // namespace vigil::node
