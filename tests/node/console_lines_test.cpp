#include "node/console_lines.hpp"

#include <algorithm>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil::node {
namespace {

NodeStatus example() {
    NodeStatus s;
    s.version = "1.2.3";
    s.node.bytes.fill(0xab);
    s.payout = "0x52908400098527886E0F7030069857D2E4169EE7";
    s.verifier = "vigil.example.org:9464";
    s.network = "test net";
    s.connected = true;
    s.receipts = 4;
    s.unsent = 1;
    s.round_trip = Milliseconds{12};
    s.started = instant_from_ms(0);
    s.connection_changed = instant_from_ms(60'000);
    DeviceStatus d;
    d.label = "cuda0";
    d.id.bytes.fill(0xcd);
    d.description = {"GPU-1", "RTX 4090", Backend::cuda, "580.1", "interleaved", 0, 128};
    d.hashes_per_second = 4.61e9;
    d.windows = {WindowMark::passed, WindowMark::failed, WindowMark::voided,
                 WindowMark::open,   WindowMark::open,   WindowMark::open};
    s.devices.push_back(d);
    return s;
}

JudgedCheck judged(Verdict verdict) {
    return {{},
            CheckKind::roll_call,
            0,
            verdict,
            12'310'000,
            12'200'000,
            "12,310,000 < 70 % of 12,200,000"};
}

TEST(ConsoleLines, APassedRollCall) {
    EXPECT_EQ(verdict_line("cpu0", judged(Verdict::passed), WindowPlace{{1}, 3, 6}),
              "cpu0 roll call passed: 12.31 MH/s (baseline 12.20 MH/s), window 3 of 6");
}

TEST(ConsoleLines, AVerdictThatCostsSaysWhy) {
    EXPECT_EQ(verdict_line("cpu0", judged(Verdict::below_rate), WindowPlace{{1}, 3, 6}),
              "cpu0 roll call below rate: 12.31 MH/s (baseline 12.20 MH/s), window 3 of 6: "
              "12,310,000 < 70 % of "
              "12,200,000");
    EXPECT_EQ(verdict_line("cpu0", {{}, CheckKind::spot, 0, Verdict::missed, 0, 5, "no answer"},
                           std::nullopt),
              "cpu0 spot check missed: no answer");
}

TEST(ConsoleLines, AVerifiersWordsCannotSteerTheTerminal) {
    const std::string line = verdict_line(
        "cpu0", {{}, CheckKind::spot, 0, Verdict::missed, 0, 0, "\x1b[2Jgone\n"}, std::nullopt);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
    EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(ConsoleLines, RatesAndTimes) {
    EXPECT_EQ(rate_words(17), "17 H/s");
    EXPECT_EQ(rate_words(980'000), "980.00 kH/s");
    EXPECT_EQ(rate_words(12'310'000), "12.31 MH/s");
    EXPECT_EQ(rate_words(4.61e9), "4.61 GH/s");
    EXPECT_EQ(time_words(Milliseconds{-5}), "0 s");
    EXPECT_EQ(time_words(Milliseconds{45'000}), "45 s");
    EXPECT_EQ(time_words(Milliseconds{12'000'000}), "3 h 20 min");
    EXPECT_EQ(time_words(Milliseconds{(4 * 24 + 6) * 3'600'000}), "4 d 6 h");
}

TEST(ConsoleLines, BannerIsAligned) {
    EXPECT_EQ(banner(example(), {"no second GPU"}),
              "vigil-node 1.2.3\n"
              "  verifier  vigil.example.org:9464\n"
              "  network   test net\n"
              "  node      abababababababababababababababababababababababababababababababab\n"
              "  payout    0x52908400098527886E0F7030069857D2E4169EE7\n"
              "  cuda0     RTX 4090 (cuda interleaved, 128 units)  4.61 GH/s\n"
              "  note      no second GPU\n");
}

NodeStatus hashing() {
    NodeStatus s = example();
    s.unsent = 0;
    s.slot_length = Milliseconds{3'600'000};
    DeviceStatus& d = s.devices[0];
    d.label = "gpu0";
    d.rate_10s = 4.61e9;
    d.rate_15m = 4.604e9;
    d.windows = std::vector<WindowMark>(6, WindowMark::open);
    std::fill_n(d.windows.begin(), 3, WindowMark::passed);
    d.health.reading.temperature_celsius = 61;
    d.health.reading.power_milliwatts = 209'600;
    return s;
}

constexpr Instant half_past_three = instant_from_ms((20'454 * 24 + 15) * 3'600'000LL + 1'800'000);

std::string only_line(const NodeStatus& s, std::size_t width) {
    const auto lines = live_lines(s, half_past_three, {.width = width});
    EXPECT_EQ(lines.size(), 1u);
    return lines.front();
}

TEST(ConsoleLines, LiveLine) {
    EXPECT_EQ(
        only_line(hashing(), 200),
        "gpu0 RTX 4090 4.61 GH/s (10s) 4.60 (15m) · windows 3/6 ✓ ✓ ✓ … · next check by 16:00 "
        "· 61 °C 210 W");
    NodeStatus busy = hashing();
    busy.devices[0].state = "roll call";
    busy.devices[0].windows[1] = WindowMark::failed;
    busy.learned_slot = to_ms(half_past_three) / 3'600'000;
    EXPECT_EQ(only_line(busy, 200),
              "gpu0 RTX 4090 4.61 GH/s (10s) 4.60 (15m) · windows 2/6 ✓ ✗ ✓ … · roll call · next "
              "check by 17:00 · 61 °C 210 W")
        << "this slot's check was learned, so the next one is the next slot's";
}

TEST(ConsoleLines, ANarrowLiveLineLeavesOutTheLeastImportantFirst) {
    EXPECT_EQ(only_line(hashing(), 90),
              "gpu0 4.61 GH/s (10s) 4.60 (15m) · windows 3/6 ✓ ✓ ✓ … · next check by 16:00 · 61 °C "
              "210 W");
    EXPECT_EQ(only_line(hashing(), 75),
              "gpu0 4.61 GH/s · windows 3/6 ✓ ✓ ✓ … · next check by 16:00 · 61 °C 210 W");
    EXPECT_EQ(only_line(hashing(), 60),
              "gpu0 4.61 GH/s · windows 3/6 ✓ ✓ ✓ … · next check by 16:00");
    EXPECT_EQ(only_line(hashing(), 20), "gpu0 4.61 GH/s · wi…");
    EXPECT_EQ(live_lines(hashing(), half_past_three, {.colour = true, .width = 8}),
              std::vector<std::string>{"\x1b[32mgpu0 4.…\x1b[0m"});
}

TEST(ConsoleLines, BeforeTheFirstConnectionAndCheckTheLiveLineSaysSo) {
    NodeStatus s = example();
    s.connected = false;
    s.devices[0].hashes_per_second = 0;
    s.devices[0].windows.clear();
    s.trouble = "E-UNREACHABLE: gone";
    EXPECT_EQ(
        live_lines(s, half_past_three, {.width = 200}),
        (std::vector<std::string>{"not connected: E-UNREACHABLE: gone, 1 answer without a receipt",
                                  "cuda0 RTX 4090 no rate yet · windows –"}));
}

TEST(ConsoleLines, EachDeviceHasALineAndTheyAreBounded) {
    NodeStatus s = hashing();
    for (int i = 1; i < 12; ++i) {
        s.devices.push_back(s.devices[0]);
        s.devices.back().label = "gpu" + std::to_string(i);
    }
    const auto lines = live_lines(s, half_past_three, {.width = 200, .most = 4});
    ASSERT_EQ(lines.size(), 4u);
    EXPECT_TRUE(lines[2].starts_with("gpu2 RTX 4090"));
    EXPECT_EQ(lines[3], "and 9 more: the key s shows all");
    EXPECT_EQ(live_lines(s, half_past_three, {.width = 200, .most = 0}).size(), 1u);
}

TEST(ConsoleLines, TimesOfDayAreTheTerminals) {
    using std::chrono::seconds;
    EXPECT_EQ(clock_words(half_past_three, seconds{0}, false), "15:30");
    EXPECT_EQ(clock_words(half_past_three, seconds{-5 * 3600 - 1800}, true), "10:00:00");
    EXPECT_EQ(clock_words(half_past_three, seconds{9 * 3600}, false), "00:30");
}

TEST(ConsoleLines, TheNextCheckIsToldByThisMachinesClock) {
    NodeStatus s = hashing();
    s.clock_offset = Milliseconds{120'000};  // this clock is two minutes fast
    EXPECT_EQ(*next_check_by(s, half_past_three), half_past_three + Milliseconds{1'920'000});
    s.slot_length = Milliseconds{0};
    EXPECT_FALSE(next_check_by(s, half_past_three)) << "no policy is known yet";
}

TEST(ConsoleLines, TablesOfTheKeys) {
    NodeStatus s = hashing();
    s.devices[0].hashes_total = 12'345'678;
    s.devices[0].last_verdict = judged(Verdict::passed);
    s.devices[0].last_verdict_at = half_past_three - Milliseconds{60'000};
    EXPECT_EQ(rate_table(s),
              "device  latest     10 s       15 min     verified    baseline    hashes\n"
              "gpu0    4.61 GH/s  4.61 GH/s  4.60 GH/s  12.31 MH/s  12.20 MH/s  12,345,678\n");
    EXPECT_EQ(window_table(s, half_past_three),
              "device  windows today    last verdict\n"
              "gpu0    3/6 ✓ ✓ ✓ · · ·  roll call passed: 12.31 MH/s (baseline 12.20 MH/s), 1 min "
              "ago\n");
}

TEST(ConsoleLines, StatusTable) {
    NodeStatus s = example();
    s.devices[0].last_verdict = judged(Verdict::passed);
    s.devices[0].last_verdict_at = instant_from_ms(100'000);
    EXPECT_EQ(
        status_table(s, instant_from_ms(130'000)),
        "vigil-node 1.2.3, running for 2 min\n"
        "  verifier  vigil.example.org:9464, connected for 1 min\n"
        "  round trip 12 ms\n"
        "  node      abababababababababababababababababababababababababababababababab\n"
        "  payout    0x52908400098527886E0F7030069857D2E4169EE7\n"
        "  receipts  4, answers without one 1\n"
        "\n"
        "device  id            rate       state  health  windows today    last verdict\n"
        "cuda0   cdcdcdcdcdcd  4.61 GH/s  idle   –       1/6 ✓ ✗ – · · ·  roll call passed: 12.31 "
        "MH/s (baseline "
        "12.20 MH/s), 30 s "
        "ago\n");
    s.devices[0].retires_from = instant_from_ms(86'400'000);
    EXPECT_THAT(status_table(s, instant_from_ms(130'000)),
                testing::HasSubstr("  idle, retires 1970-01-02 00:00 UTC  "));
    s.devices[0].retired = true;
    EXPECT_THAT(status_table(s, instant_from_ms(130'000)),
                testing::HasSubstr("  retired since 1970-01-02 00:00 UTC  "));
    s.advice = {"1.3.0", "2026-12-01", true};
    EXPECT_THAT(status_table(s, instant_from_ms(130'000)),
                testing::HasSubstr("\n  update    the network recommends version 1.3.0 or newer by "
                                   "2026-12-01, this node is 1.2.3\n"));
}

}  // namespace
}  // namespace vigil::node
