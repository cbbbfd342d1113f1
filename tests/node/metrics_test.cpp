#include "node/metrics.hpp"

#include <cstdio>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using ::testing::HasSubstr;

std::vector<DeviceStatus> one_device() {
    DeviceStatus device;
    device.label = "cuda0";
    device.description = {"GPU-1", "Card \"X\"", Backend::cuda, "580", "k", 0, 1};
    device.windows = {WindowMark::passed, WindowMark::open};
    return {device};
}

TEST(Metrics, EveryLabelValueExistsFromTheStart) {
    const Metrics metrics{"1.2", one_device()};
    const std::string text = metrics.text();
    for (const char* line :
         {"vigil_node_build_info{version=\"1.2\"} 1", "vigil_node_hashes_total{gpu=\"cuda0\"} 0",
          "vigil_node_checks_total{kind=\"spot\",result=\"missed\"} 0",
          "vigil_node_checks_total{kind=\"roll_call\",result=\"undelivered\"} 0",
          "vigil_node_day_windows{gpu=\"cuda0\",state=\"failed\"} 0",
          "vigil_node_kernel_errors_total{code=\"hung\",gpu=\"cuda0\"} 0",
          "vigil_node_gpu_paused{gpu=\"cuda0\",reason=\"memory\"} 0",
          "vigil_node_checks_total{kind=\"hourly\",result=\"paused\"} 0",
          "vigil_node_verifier_connected 0", "vigil_node_outdated 0"})
        EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, Count) {
    Metrics metrics{"1.2", one_device()};
    metrics.add_hashes("cuda0", 500);
    metrics.add_hashes("cuda0", 5);
    metrics.count_verdict(CheckKind::spot, Verdict::passed, instant_from_ms(1500));
    metrics.observe_check(CheckKind::spot, 2.5);
    metrics.set_day_windows(one_device()[0]);
    const std::string text = metrics.text();
    for (const char* line : {"vigil_node_hashes_total{gpu=\"cuda0\"} 505",
                             "vigil_node_last_passed_timestamp_seconds 1.5",
                             "vigil_node_check_duration_seconds_count{kind=\"spot\"} 1",
                             "vigil_node_day_windows{gpu=\"cuda0\",state=\"passed\"} 1"})
        EXPECT_THAT(text, HasSubstr(line));
}

TEST(Metrics, PromtoolFindsNothing) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0)
        GTEST_SKIP() << "promtool is not installed";
    const test::Folder folder;
    const auto file = folder.path() / "metrics";
    Metrics metrics{"1.2", one_device()};
    health::Health health{health::Presence::present, "", {}, {}};
    health.reading.temperature_celsius = 61;
    health.reading.power_milliwatts = 210'000;
    health.reading.energy_millijoules = 5'000'000;
    health.reading.memory_used_bytes = 1;
    metrics.set_health("cuda0", health);
    metrics.set_paused("cuda0", {.temperature = true});
    std::ofstream{file} << metrics.text();
    EXPECT_EQ(std::system(("promtool check metrics < " + file.string()).c_str()), 0);
}

}  // namespace
}  // namespace vigil::node
