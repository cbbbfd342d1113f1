#include "node/doctor_judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/policy/policy.hpp"

namespace vigil::node {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;
using Level = Finding::Level;

auto finding(Level level, const std::string& what, const std::string& fix = "") {
    return AllOf(Field(&Finding::level, level), Field(&Finding::what, HasSubstr(what)),
                 Field(&Finding::fix, HasSubstr(fix)));
}

/// Whatever is not ok says what to do.
void expect_fixes(const std::vector<Finding>& all) {
    for (const Finding& f : all) EXPECT_EQ(f.level == Level::ok, f.fix.empty()) << f.what;
}

const health::CudaCard h200{"GPU-1", "NVIDIA H200", 9, 0};
const health::CudaCard pascal{"GPU-2", "NVIDIA GeForce GTX 1080", 6, 1};

DriverReading driver(int version, std::vector<health::CudaCard> cards) {
    DriverReading r;
    r.cards_on_bus = static_cast<unsigned>(cards.size());
    r.driver = "580.65.06";
    r.cuda = {true, version, "", std::move(cards)};
    r.toolkit = 13'000;
    return r;
}

TEST(DoctorDriver, AgainstTheToolkit) {
    struct Case {
        int driver, toolkit;
        Level level;
        std::string what, fix;
    };
    for (const Case& c : std::vector<Case>{
             {13'000, 13'000, Level::ok, "CUDA 13.0", ""},
             {13'020, 13'000, Level::ok, "CUDA 13.2", ""},
             {14'000, 13'000, Level::ok, "CUDA 14.0", ""},
             {13'000, 13'020, Level::ok, "CUDA 13.2", ""},  // the same major: compatible
             {12'040, 13'000, Level::fail, "CUDA 12.4) is older", "driver 580 or newer"},
             {11'080, 12'020, Level::fail, "CUDA 11.8) is older", "driver 525 or newer"},
             {13'000, 0, Level::warn, "this build has no CUDA", "--backends opencl"},
         }) {
        DriverReading r = driver(c.driver, {h200});
        r.toolkit = c.toolkit;
        const auto found = judge_driver(r);
        EXPECT_THAT(found, ElementsAre(finding(c.level, c.what, c.fix)))
            << c.driver << " " << c.toolkit;
        expect_fixes(found);
    }
}

TEST(DoctorDriver, CardsOlderThanTheToolkitAreToldToUseOpencl) {
    DriverReading r = driver(13'000, {h200, pascal});
    auto found = judge_driver(r);
    EXPECT_THAT(found, ElementsAre(finding(Level::ok, "serves"),
                                   finding(Level::warn, "6.1; this build's CUDA 13.0 starts at 7.5",
                                           "OpenCL")));
    expect_fixes(found);
    r.opencl_uids = {"GPU-2"};
    found = judge_driver(r);
    EXPECT_THAT(found, ElementsAre(finding(Level::ok, "serves"),
                                   finding(Level::ok, "it is used through OpenCL")));
    r.toolkit = 12'040;  // which still has code for it
    EXPECT_EQ(judge_driver(r).size(), 1U);
}

TEST(DoctorDriver, WhatIsMissing) {
    DriverReading none;
    EXPECT_THAT(judge_driver(none), ElementsAre(finding(Level::ok, "no NVIDIA card")));
    none.cards_on_bus = 2;
    none.toolkit = 13'000;
    EXPECT_THAT(judge_driver(none),
                ElementsAre(finding(Level::fail, "2 NVIDIA cards in this machine, but no driver",
                                    "--gpus all")));
    none.driver = "580.65.06";
    none.cuda.trouble = "libcuda.so.1 is not here";
    EXPECT_THAT(judge_driver(none), ElementsAre(finding(Level::fail, "libcuda.so.1 is not here",
                                                        "apt install libcuda1")));
    EXPECT_THAT(judge_driver(driver(13'000, {})),
                ElementsAre(finding(Level::ok, "serves"),
                            finding(Level::fail, "lists no card", "nvidia-smi")));
    DriverReading broken = driver(13'000, {});
    broken.cuda.trouble = "the CUDA driver does not start (error 804)";
    EXPECT_THAT(judge_driver(broken), ElementsAre(finding(Level::ok, "serves"),
                                                  finding(Level::fail, "error 804", "reboot")));
}

TEST(DoctorDriver, VersionOfTheKernelsModule) {
    EXPECT_EQ(driver_version("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May "
                             "12 19:39:15 UTC 2024\nGCC version: gcc 12.2.0\n"),
              "535.183.01");
    EXPECT_EQ(driver_version("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  "
                             "Release Build\n"),
              "580.65.06");
    EXPECT_EQ(driver_version(""), "");
    EXPECT_EQ(driver_version("nothing of it\n1.2"), "");
}

GpuReading gpu() {
    GpuReading g{"cuda0", "GPU-1", "NVIDIA H200", h200, 1, {}};
    g.health.presence = health::Presence::present;
    health::Reading& r = g.health.reading;
    r.pci_address = "0000:3b:00.0";
    r.memory_total_bytes = 8ULL << 30;
    r.memory_used_bytes = 1ULL << 30;
    r.memory_free_bytes = 7ULL << 30;
    r.temperature_celsius = 61;
    r.power_milliwatts = 210'400;
    r.ecc = true;
    r.uncorrected_errors = 0;
    r.mig = false;
    r.throttled_by = std::vector<std::string>{};
    r.other_processes = std::vector<std::uint32_t>{};
    return g;
}

TEST(DoctorGpu, AHealthyOneIsOneLineWithEverything) {
    const auto found = judge_gpu(gpu());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].level, Level::ok);
    EXPECT_EQ(found[0].what,
              "cuda0 NVIDIA H200, GPU-1, PCI 0000:3b:00.0, compute 9.0, 8.0 GiB (1.0 GiB used), "
              "ECC on, MIG off, 61 °C, 210 W, no other process computes on it");
}

TEST(DoctorGpu, WhatIsWrongHasALineOfItsOwn) {
    struct Case {
        std::function<void(health::Health&)> change;
        Level level;
        std::string what, fix;
    };
    using H = health::Health;
    const std::vector<Case> cases{
        {[](H& h) { h.reading.uncorrected_errors = 3; }, Level::warn, "3 uncorrected", "reboot"},
        {[](H& h) { h.reading.temperature_celsius = 85; }, Level::warn, "85 °C, where 85", "fans"},
        {[](H& h) {
             h.reading.throttled_by = {{"power cap", "too hot"}};
         },
         Level::warn, "held down by: power cap, too hot", "PERFORMANCE"},
        {[](H& h) { h.reading.memory_free_bytes = 100ULL << 20; }, Level::warn, "only 100 MiB",
         "nvidia-smi"},
        {[](H& h) { h.reading.other_processes = {{4242}}; }, Level::warn,
         "1 other process computes on it (pid 4242)", "end them"},
        {[](H& h) { h.reading.other_processes = std::vector<std::uint32_t>(64, 0); }, Level::warn,
         "64 or more", "end them"},
    };
    for (const Case& c : cases) {
        GpuReading g = gpu();
        c.change(g.health);
        const auto found = judge_gpu(g);
        ASSERT_EQ(found.size(), 2U) << c.what;
        EXPECT_THAT(found[1], finding(c.level, c.what, c.fix));
        expect_fixes(found);
    }
}

TEST(DoctorGpu, LostAndSilentOnes) {
    GpuReading g = gpu();
    g.health = {health::Presence::lost, "GPU is lost (NVML 15)", {}, {}};
    EXPECT_THAT(judge_gpu(g),
                ElementsAre(finding(Level::fail, "lost: GPU is lost (NVML 15)", "--gpu-reset")));
    g.health = {health::Presence::unknown, "its driver has not answered for 9 s", {}, {}};
    EXPECT_THAT(judge_gpu(g), ElementsAre(finding(Level::fail, "has not answered", "reboot")));
    g.health = {health::Presence::silent, "", {}, {}};
    EXPECT_THAT(judge_gpu(g), ElementsAre(finding(Level::ok, "tells nothing of its health")));
}

TEST(DoctorGpu, TheOwnersLimits) {
    Limits limits;
    EXPECT_TRUE(judge_limits(gpu(), limits).empty());
    limits.temp_stop = 60;
    limits.temp_start = 50;
    EXPECT_THAT(judge_limits(gpu(), limits),
                ElementsAre(finding(Level::fail, "would rest now, and answer no check: 61 °C")));
    GpuReading blind = gpu();
    blind.health.reading.temperature_celsius.reset();
    EXPECT_THAT(judge_limits(blind, limits), ElementsAre(finding(Level::warn, "temp_stop")));
    limits = {};
    limits.yield_to_others = true;
    GpuReading shared = gpu();
    shared.health.reading.other_processes = {{4242}};
    EXPECT_THAT(judge_limits(shared, limits), ElementsAre(finding(Level::fail, "yield_to_others")));
}

TEST(DoctorCertificate, IsToldBeforeItExpires) {
    constexpr std::int64_t day = 24 * 60 * 60 * 1000;
    const auto judged = [](std::int64_t days_left_ms, bool pinned) {
        PeerCertificate shown;
        shown.not_after = "Jan  1 00:00:00 2031 GMT";
        shown.expires = instant_from_ms(1'000 * day);
        return judge_certificate(shown, pinned, "ca.pem",
                                 shown.expires - Milliseconds{days_left_ms});
    };
    EXPECT_THAT(judged(14 * day, false), finding(Level::ok, "valid until Jan  1"));
    EXPECT_THAT(judged(14 * day - 1, false),
                finding(Level::warn, "2031 GMT, in 13 days", "operator"));
    EXPECT_THAT(judged(1, false), finding(Level::warn, "in 0 days", "operator"));
    EXPECT_THAT(judged(0, false), AllOf(finding(Level::fail, "expired on Jan  1", "operator"),
                                        Field(&Finding::code, "E-CERT")));
    EXPECT_THAT(judged(-day, true), finding(Level::ok, "the one to trust"));
}

TEST(DoctorClock, OnlyAWarning) {
    EXPECT_THAT(judge_clock(Milliseconds{-1'500}), finding(Level::ok, "1.500 s behind"));
    EXPECT_THAT(judge_clock(Milliseconds{4'999}), finding(Level::ok, "4.999 s ahead of"));
    EXPECT_THAT(judge_clock(Milliseconds{5'000}), finding(Level::warn, "ahead of", "timedatectl"));
    EXPECT_THAT(judge_clock(Milliseconds{-3'600'000}),
                finding(Level::warn, "3600.000 s behind", "timedatectl"));
}

TEST(DoctorVersions, AgainstTheMinimum) {
    wire::Network network;
    network.verifier_version = "0.3.0";
    EXPECT_THAT(judge_versions("0.1.0", network), finding(Level::ok, "names no minimum"));
    network.minimum_node_version = "0.1.0";
    EXPECT_THAT(judge_versions("0.1.0", network), finding(Level::ok, "0.1.0 and newer"));
    EXPECT_THAT(judge_versions("0.10.0", network), finding(Level::ok, "0.1.0 and newer"));
    network.minimum_node_version = "0.2.0";
    EXPECT_THAT(judge_versions("0.1.9", network),
                AllOf(finding(Level::fail, "talks to 0.2.0 and newer", "update"),
                      Field(&Finding::code, "E-VERSION")));
}

TEST(DoctorVersions, AgainstWhatIsRecommended) {
    wire::Network network;
    network.recommended_node_version = "0.10.0";
    network.recommended_by = "2026-12-01";
    EXPECT_THAT(judge_versions("0.10.0", network), finding(Level::ok, "names no minimum"));
    EXPECT_THAT(judge_versions("0.9.1", network),
                finding(Level::warn, "version 0.10.0 or newer by 2026-12-01, this node is 0.9.1",
                        "install vigil-node 0.10.0"));
}

TEST(DoctorHashing, EqualToTheReferenceOrNot) {
    HashReading r{"cuda0", "GPU-1", "Card", "interleaved", "", 4.2e9};
    EXPECT_THAT(judge_hashing(r, false), finding(Level::ok, "4.20 GH/s in one second"));
    EXPECT_THAT(judge_hashing(r, true), finding(Level::ok, "beside the running node"));
    r.failure = "the hash in place 4 differs";
    EXPECT_THAT(judge_hashing(r, false), finding(Level::fail, "place 4 differs", "overclock"));
}

PassTerms terms() {
    PassTerms t{*preset(preset_names().front()), std::chrono::microseconds{12'000}, 100, false};
    t.policy.roll_call = {256, Milliseconds{20'000}, Milliseconds{0}, Milliseconds{3'000},
                          Ppm{700'000}};
    for (CheckRule* rule : {&t.policy.hourly, &t.policy.spot, &t.policy.calibration})
        rule->slack = Milliseconds{4'000};
    return t;
}

TEST(DoctorPass, TheRateAgainstTheBaseline) {
    struct Case {
        double rate;
        std::int64_t duty;
        bool node_runs;
        Level level;
        std::string what;
    };
    const VerifierLook::Known known{"GPU-1", 1'000'000'000};
    for (const Case& c : std::vector<Case>{
             {1.00e9, 100, false, Level::ok, "100 % of its baseline 1.00 GH/s"},
             {0.90e9, 100, false, Level::ok, "asks for 70 %"},
             {0.80e9, 100, false, Level::warn, "luck moves a measurement by 6 %"},
             {0.69e9, 100, false, Level::fail, "69 % of its baseline"},
             {1.00e9, 50, false, Level::fail, "at duty 50 %: 50 %"},
             {0.50e9, 100, true, Level::warn, "50 % of its baseline"},
         }) {
        PassTerms t = terms();
        t.duty = c.duty;
        t.node_runs = c.node_runs;
        const Finding found = judge_rate({"cuda0", "GPU-1", "Card", "x", "", c.rate}, &known, t);
        EXPECT_THAT(found, finding(c.level, c.what)) << c.rate;
        expect_fixes({found});
    }
}

TEST(DoctorPass, DevicesTheVerifierDoesNotMeasureYet) {
    const HashReading r{"cuda0", "GPU-1", "Card", "x", "", 1e9};
    EXPECT_THAT(judge_rate(r, nullptr, terms()), finding(Level::ok, "not enrolled yet"));
    const VerifierLook::Known waiting{"GPU-1", 0};
    EXPECT_THAT(judge_rate(r, &waiting, terms()), finding(Level::ok, "first calibration"));
    const VerifierLook::Known retired{"GPU-1", 1, Instant{std::chrono::days{2}}};
    PassTerms t = terms();
    t.verifier_time = *retired.retired_from;
    EXPECT_THAT(judge_rate(r, &retired, t),
                finding(Level::warn, "cuda0 is retired, so", "retire --undo --device GPU-1"));
    HashReading wrong = r;
    wrong.failure = "lies";
    EXPECT_THAT(judge_rate(wrong, nullptr, terms()),
                finding(Level::fail, "would not pass", "says above"));
}

TEST(DoctorPass, ADeviceIsCheckedUntilTheDayItRetires) {
    const HashReading r{"cuda0", "GPU-1", "Card", "x", "", 1e9};
    const Instant day{std::chrono::days{2}};
    PassTerms t = terms();
    t.verifier_time = day - Milliseconds{1};
    const VerifierLook::Known known{"GPU-1", 1'000'000'000, day};
    EXPECT_THAT(judge_rate(r, &known, t),
                finding(Level::ok, "cuda0 (retires on 1970-01-03 00:00 UTC): 100 % of its"));
    const VerifierLook::Known waiting{"GPU-1", 0, day};
    EXPECT_THAT(
        judge_rate(r, &waiting, t),
        finding(Level::ok, "cuda0 (retires on 1970-01-03 00:00 UTC) is enrolled and waits"));
}

TEST(DoctorPass, TheDeadline) {
    PassTerms t = terms();
    EXPECT_THAT(judge_deadline(t), finding(Level::ok, "3000 ms from the work of a roll call"));
    t.round_trip = std::chrono::milliseconds{1'600};
    EXPECT_THAT(judge_deadline(t), finding(Level::warn, "keeps 3200 ms", "round trip 1600 ms"));
    t = terms();
    t.policy.hourly.slack = Milliseconds{400};
    EXPECT_THAT(judge_deadline(t), finding(Level::warn, "an hourly check"));
}

TEST(DoctorOpencl, PlatformsAndWhyThereAreNone) {
    OpenclListing none{{}, {"no OpenCL driver is installed"}};
    EXPECT_THAT(judge_opencl(none), ElementsAre(finding(Level::ok, "no OpenCL driver")));
    OpenclListing one{{{"opencl:x", "Radeon", Backend::opencl, "AMD, 3.1", "", 0, 64}},
                      {"OpenCL device \"old\" is not used"}};
    EXPECT_THAT(judge_opencl(one), ElementsAre(finding(Level::ok, "AMD, 3.1: Radeon"),
                                               finding(Level::warn, "not used", "reinstall")));
}

}  // namespace
}  // namespace vigil::node
