#include "node/console_lines.hpp"

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

TEST(ConsoleLines, LiveLine) {
    EXPECT_EQ(live_line(example(), {false, 200}),
              "cuda0 4.61 GH/s · windows 1/6 ✓ ✗ – · · · · idle  |  connected, 1 unsent");
    EXPECT_EQ(live_line(example(), {false, 20}), "cuda0 4.61 GH/s · w…");
    EXPECT_EQ(live_line(example(), {true, 9}), "\x1b[32mcuda0 4.…\x1b[0m");
    NodeStatus lost = example();
    lost.connected = false;
    lost.trouble = "E-UNREACHABLE: gone";
    EXPECT_NE(live_line(lost, {false, 200}).find("not connected: E-UNREACHABLE: gone"),
              std::string::npos);
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
        "device  rate       state  health  windows today    last verdict\n"
        "cuda0   4.61 GH/s  idle   –       1/6 ✓ ✗ – · · ·  roll call passed: 12.31 MH/s (baseline "
        "12.20 MH/s), 30 s "
        "ago\n");
}

}  // namespace
}  // namespace vigil::node
