#include "health/sysfs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/health/places.hpp"

namespace vigil::health {
namespace {

using test::Tree;
using ::testing::ElementsAre;

constexpr const char* address = "0000:03:00.0";

/// Two cards and a connector of one, as amdgpu writes them.
void fill(const Tree& tree) {
    tree.write("class/drm/card0/device/uevent", "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n");
    tree.write("class/drm/card1-DP-1/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    const std::filesystem::path card = "class/drm/card1/device";
    tree.write(card / "uevent", "DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:03:00.0\n");
    tree.write(card / "hwmon/hwmon3/temp1_input", "58000\n");
    tree.write(card / "hwmon/hwmon3/temp1_label", "edge\n");
    tree.write(card / "hwmon/hwmon3/temp2_input", "71000\n");
    tree.write(card / "hwmon/hwmon3/temp2_label", "junction\n");
    tree.write(card / "hwmon/hwmon3/power1_average", "212000000\n");
    tree.write(card / "mem_info_vram_total", "25753026560\n");
    tree.write(card / "mem_info_vram_used", "1753026560\n");
    tree.write(card / "gpu_busy_percent", "99\n");
    tree.write(card / "pp_dpm_sclk", "0: 500Mhz \n1: 2482Mhz *\n2: 2525Mhz \n");
    tree.write(card / "pp_dpm_mclk", "0: 96Mhz \n1: 1249Mhz *\n");
}

TEST(Sysfs, ReadsTheCardAtThisAddress) {
    const Tree tree;
    fill(tree);
    const Look look = Sysfs(tree.path()).look("opencl:AMD:0", address);
    ASSERT_EQ(look.presence, Presence::present);
    const Reading& r = look.reading;
    EXPECT_EQ(r.temperature_celsius, 58) << "the edge's";
    EXPECT_EQ(r.power_milliwatts, 212'000u);
    EXPECT_EQ(r.memory_total_bytes, 25'753'026'560u);
    EXPECT_EQ(r.memory_used_bytes, 1'753'026'560u);
    EXPECT_EQ(r.memory_free_bytes, 24'000'000'000u);
    EXPECT_EQ(r.utilisation_percent, 99u);
    EXPECT_EQ(r.clock_mhz, 2482u);
    EXPECT_EQ(r.memory_clock_mhz, 1249u);
    EXPECT_EQ(r.pci_address, "0000:03:00.0");
    EXPECT_FALSE(r.energy_millijoules);
    EXPECT_FALSE(r.ecc);
    EXPECT_FALSE(r.other_processes);
}

TEST(Sysfs, ACardForComputingHasItsHottestSpotAndErrors) {
    const Tree tree;
    fill(tree);
    const auto card = tree.path() / "class/drm/card1/device";
    std::filesystem::remove(card / "hwmon/hwmon3/temp1_input");
    tree.write("class/drm/card1/device/ras/umc_err_count", "ue: 3\nce: 12\n");
    const Reading r = Sysfs(tree.path()).look("opencl:AMD:0", address).reading;
    EXPECT_EQ(r.temperature_celsius, 71);
    EXPECT_EQ(r.ecc, true);
    EXPECT_EQ(r.uncorrected_errors, 3u);
}

TEST(Sysfs, NonsenseIsNoReading) {
    const Tree tree;
    fill(tree);
    const std::filesystem::path card = "class/drm/card1/device";
    tree.write(card / "hwmon/hwmon3/temp1_input", "-2147483648\n");
    tree.write(card / "hwmon/hwmon3/temp2_input", "n/a\n");
    tree.write(card / "hwmon/hwmon3/power1_average", "-5\n");
    tree.write(card / "gpu_busy_percent", "65535\n");
    tree.write(card / "pp_dpm_sclk", "*\n");
    tree.write(card / "mem_info_vram_used", "99999999999999999999999\n");
    const Look look = Sysfs(tree.path()).look("opencl:AMD:0", address);
    EXPECT_EQ(look.presence, Presence::present);
    EXPECT_FALSE(look.reading.temperature_celsius);
    EXPECT_FALSE(look.reading.power_milliwatts);
    EXPECT_FALSE(look.reading.utilisation_percent);
    EXPECT_FALSE(look.reading.clock_mhz);
    EXPECT_FALSE(look.reading.memory_free_bytes);
}

TEST(Sysfs, OtherProcessesAreThoseOfTheRocmDriverWithMemoryOnThisCard) {
    const Tree tree;
    fill(tree);
    const std::filesystem::path kfd = "class/kfd/kfd";
    tree.write(kfd / "topology/nodes/0/properties",
               "cpu_cores_count 16\nlocation_id 0\ndomain 0\n");
    tree.write(kfd / "topology/nodes/0/gpu_id", "0\n");
    tree.write(kfd / "topology/nodes/1/properties", "simd_count 192\nlocation_id 768\ndomain 0\n");
    tree.write(kfd / "topology/nodes/1/gpu_id", "51234\n");
    tree.write(kfd / "proc/4242/vram_51234", "1048576\n");
    tree.write(kfd / "proc/4243/vram_51234", "0\n");
    tree.write(kfd / "proc/4244/vram_99", "1048576\n");
    tree.write(kfd / ("proc/" + std::to_string(::getpid()) + "/vram_51234"), "1048576\n");
    const Self self{static_cast<std::uint32_t>(::getpid()), false};
    EXPECT_THAT(
        Sysfs(tree.path(), self).look("opencl:AMD:0", address).reading.other_processes.value(),
        ElementsAre(4242u));
}

TEST(Sysfs, TheProcessorIsAsHotAsItsHottestSocket) {
    const Tree tree;
    tree.write("class/hwmon/hwmon0/name", "nvme\n");
    tree.write("class/hwmon/hwmon0/temp1_input", "99000\n");
    tree.write("class/hwmon/hwmon1/name", "coretemp\n");
    tree.write("class/hwmon/hwmon1/temp1_input", "55000\n");
    tree.write("class/hwmon/hwmon2/name", "coretemp\n");
    tree.write("class/hwmon/hwmon2/temp1_input", "63000\n");
    EXPECT_EQ(Sysfs(tree.path()).look("cpu:abc", "").reading.temperature_celsius, 63);
}

TEST(Sysfs, WhatIsNotInTheTreeIsSilent) {
    const Tree tree;
    EXPECT_EQ(Sysfs(tree.path()).look("cpu:abc", "").presence, Presence::silent);
    EXPECT_EQ(Sysfs(tree.path()).look("opencl:AMD:0", address).presence, Presence::silent);
    for (const char* wrong : {"", "0000:04:00.0", "0000:03:00", "../../../etc", "0000-03-00-0"})
        EXPECT_EQ(Sysfs(tree.path()).look("opencl:AMD:0", wrong).presence, Presence::silent)
            << wrong;
}

}  // namespace
}  // namespace vigil::health
