#include "health/nvml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/health/places.hpp"

namespace vigil::health {
namespace {

using test::FakeCards;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Self self{static_cast<std::uint32_t>(::getpid()), false};

constexpr const char* full =
    "driver 550.54\n"
    "gpu GPU-other\ntemperature 20\n"
    "gpu GPU-1\ntemperature 61\npower_mw 210500\nenergy_mj 5000000\nmemory 24000 1000\n"
    "utilisation 97\nclock 1980\nmemory_clock 2619\nthrottle 36\necc 1\nuncorrected 2\npci 0 59 0\n"
    "mig 0\nprocess 4242\n";

TEST(Nvml, ReadsEverythingOfTheCardWithThisUid) {
    const FakeCards cards{full};
    Nvml nvml{FAKE_NVML_NEW, self};
    const Look look = nvml.look("GPU-1");
    ASSERT_EQ(look.presence, Presence::present) << look.why;
    const Reading& r = look.reading;
    EXPECT_EQ(r.temperature_celsius, 61);
    EXPECT_EQ(r.power_milliwatts, 210'500u);
    EXPECT_EQ(r.energy_millijoules, 5'000'000u);
    EXPECT_EQ(r.memory_total_bytes, 24'000u);
    EXPECT_EQ(r.memory_used_bytes, 1'000u);
    EXPECT_EQ(r.memory_free_bytes, 23'000u);
    EXPECT_EQ(r.utilisation_percent, 97u);
    EXPECT_EQ(r.clock_mhz, 1980u);
    EXPECT_EQ(r.memory_clock_mhz, 2619u);
    EXPECT_THAT(r.throttled_by.value(), ElementsAre("power cap", "too hot"));
    EXPECT_EQ(r.ecc, true);
    EXPECT_EQ(r.uncorrected_errors, 2u);
    EXPECT_EQ(r.mig, false);
    EXPECT_EQ(r.pci_address, "0000:3b:00.0");
    EXPECT_EQ(r.driver, "550.54");
    EXPECT_THAT(r.other_processes.value(), ElementsAre(4242u));
}

TEST(Nvml, WhatACardDoesNotSayIsAbsentNotZero) {
    const FakeCards cards{"driver 1\ngpu GPU-1\n"};
    const Look look = Nvml(FAKE_NVML_NEW, self).look("GPU-1");
    ASSERT_EQ(look.presence, Presence::present);
    EXPECT_FALSE(look.reading.temperature_celsius);
    EXPECT_FALSE(look.reading.power_milliwatts);
    EXPECT_FALSE(look.reading.memory_used_bytes);
    EXPECT_FALSE(look.reading.throttled_by);
    EXPECT_FALSE(look.reading.ecc);
    EXPECT_FALSE(look.reading.mig);
    EXPECT_THAT(look.reading.other_processes.value(), IsEmpty());
}

TEST(Nvml, ADriverWithOldNamesIsReadByThem) {
    const FakeCards cards{full};
    const Look look = Nvml(FAKE_NVML_OLD_DRIVER, self).look("GPU-1");
    ASSERT_EQ(look.presence, Presence::present);
    EXPECT_EQ(look.reading.temperature_celsius, 61);
    EXPECT_THAT(look.reading.throttled_by.value(), ElementsAre("power cap", "too hot"));
    EXPECT_THAT(look.reading.other_processes.value(), ElementsAre(4242u));
    EXPECT_FALSE(look.reading.energy_millijoules);
    EXPECT_FALSE(look.reading.mig);
}

TEST(Nvml, OurOwnProcessIsNoOther) {
    const FakeCards cards{"driver 1\ngpu GPU-1\nprocess " + std::to_string(::getpid()) + "\n"};
    EXPECT_THAT(Nvml(FAKE_NVML_NEW, self).look("GPU-1").reading.other_processes.value(), IsEmpty());
}

TEST(Nvml, InAContainerOneProcessOfAnUnknownNumberIsOurs) {
    const Self inner{static_cast<std::uint32_t>(::getpid()), true};
    const FakeCards cards{"driver 1\ngpu GPU-1\nprocess 4242\n"};
    Nvml nvml{FAKE_NVML_NEW, inner};
    EXPECT_THAT(nvml.look("GPU-1").reading.other_processes.value(), IsEmpty());
    cards.change("driver 1\ngpu GPU-1\nprocess 4242\nprocess 4243\n");
    EXPECT_THAT(nvml.look("GPU-1").reading.other_processes.value(), ElementsAre(4243u));
    cards.change("driver 1\ngpu GPU-1\nprocess 4242\nprocess " + std::to_string(inner.pid) + "\n");
    EXPECT_THAT(nvml.look("GPU-1").reading.other_processes.value(), ElementsAre(4242u));
}

TEST(Nvml, MoreProcessesThanThereIsRoomForAreStillOthers) {
    std::string text = "driver 1\ngpu GPU-1\n";
    for (unsigned i = 0; i < 70; ++i) text += "process " + std::to_string(100'000'000 + i) + "\n";
    const FakeCards cards{text};
    EXPECT_EQ(Nvml(FAKE_NVML_NEW, self).look("GPU-1").reading.other_processes.value().size(),
              most_processes);
}

TEST(Nvml, APartOfADividedCardIsFoundUnderItsOtherName) {
    const FakeCards cards{"driver 1\ngpu MIG-1\ntemperature 50\n"};
    EXPECT_EQ(Nvml(FAKE_NVML_NEW, self).look("GPU-1").reading.temperature_celsius, 50);
}

TEST(Nvml, ALostCardIsLostInTheDriversWords) {
    const FakeCards cards{"driver 1\ngpu GPU-1\ntemperature 50\nlost\n"};
    const Look look = Nvml(FAKE_NVML_NEW, self).look("GPU-1");
    EXPECT_EQ(look.presence, Presence::lost);
    EXPECT_THAT(look.why, HasSubstr("GPU is lost (NVML 15)"));
}

TEST(Nvml, NoLibraryNoDriverNoDeviceAreSilence) {
    EXPECT_EQ(Nvml{"libno-such-nvml.so.1"}.look("GPU-1").presence, Presence::silent);
    const FakeCards cards{""};
    Nvml nvml{FAKE_NVML_NEW, self};
    EXPECT_EQ(nvml.look("GPU-1").presence, Presence::silent);
    cards.change("driver 1\ngpu GPU-2\n");
    EXPECT_EQ(nvml.look("GPU-1").presence, Presence::silent);
    EXPECT_EQ(nvml.look("GPU-2").presence, Presence::present) << "the driver came later";
}

}  // namespace
}  // namespace vigil::health
