#include "node/config.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "core/crypto/payout_address.hpp"
#include "proto/edge/files.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using ::testing::HasSubstr;

/// The Fatal of `action`; fails when there is none.
template <class Action>
edge::Fatal fatal_of(Action&& action) {
    try {
        action();
    } catch (const edge::Fatal& fatal) {
        return fatal;
    }
    ADD_FAILURE() << "nothing was refused";
    return edge::Fatal{0, "", ""};
}

Config loaded(const std::string& toml, const std::map<std::string, std::string>& flags = {}) {
    test::Folder folder;
    const auto file = folder.path() / "node.toml";
    std::ofstream{file} << toml;
    Config config;
    edge::Settings settings;
    declare(settings, config);
    for (const auto& [key, text] : flags) settings.set_flag(key, text);
    settings.load(file, [](const char*) -> const char* { return nullptr; }, {});
    return config;
}

Config good() {
    Config config;
    config.verifier_address = "vigil.example.org:9464";
    config.payout = "0x52908400098527886E0F7030069857D2E4169EE7";
    return config;
}

TEST(NodeConfig, ReadsItsFileAndFlagsWin) {
    const Config config = loaded(
        "payout = \"0xabc\"\nduty = 50\nbackends = [\"cpu\"]\n[verifier]\naddress = \"a:1\"\n",
        {{"duty", "80"}, {"cpu.affinity", "0-1,3"}});
    EXPECT_EQ(config.verifier_address, "a:1");
    EXPECT_EQ(config.duty, 80);
    EXPECT_EQ(config.backends, std::vector<std::string>{"cpu"});
    EXPECT_EQ(cpu_list(config.cpu_affinity), (std::vector<unsigned>{0, 1, 3}));
    EXPECT_EQ(config.http_port, 9465);
}

TEST(NodeConfig, AnUnknownKeyIsRefusedWithASuggestion) {
    const auto fatal = fatal_of([] { loaded("dutty = 5\n"); });
    EXPECT_EQ(fatal.code, "E-CONFIG");
    EXPECT_EQ(fatal.exit_code, edge::exit_configuration);
    EXPECT_THAT(fatal.what(), HasSubstr("duty"));
}

TEST(NodeConfig, DutyOutOfRangeNamesTheBounds) {
    EXPECT_THAT(fatal_of([] { loaded("duty = 0\n"); }).what(), HasSubstr("1 to 100"));
}

TEST(NodeConfig, ADeviceHasItsOwnLimitsByUidPciAddressOrLabel) {
    const Config config = loaded(
        "duty = 80\ntemp_stop = 85\ntemp_start = 80\nkeep_free_memory = \"1GiB\"\n"
        "[device.\"GPU-5f1c\"]\nduty = 50\ntemp_stop = 70\nyield_to_others = true\n"
        "[device.\"00000000:3B:00.0\"]\nkeep_free_memory = \"\"\ntemp_stop = 0\n"
        "[device.\"3c:00.0\"]\nduty = 30\n[device.cpu0]\nduty = 20\n[device.cuda7]\nduty = 1\n");
    check(config);
    const Config named = settings_of(config, {"GPU-5f1c", "0000:3a:00.0", "cuda0"});
    EXPECT_EQ(named.duty, 50);
    const Limits limits = limits_of(named);
    EXPECT_EQ(limits.temp_stop, 70);
    EXPECT_EQ(limits.temp_start, 60) << "not that of another temp_stop";
    EXPECT_TRUE(limits.yield_to_others);
    EXPECT_EQ(limits.keep_free_memory, std::uint64_t{1} << 30);

    const Config placed = settings_of(config, {"GPU-77", "0000:3b:00.0", "cuda1"});
    EXPECT_EQ(placed.duty, 80);
    EXPECT_FALSE(limits_of(placed).any()) << "what is for all can be switched off";
    EXPECT_EQ(settings_of(config, {"GPU-78", "0000:3c:00.0", "cuda2"}).duty, 30);
    EXPECT_EQ(settings_of(config, {"cpu:m", "", "cpu0"}).duty, 20);
    EXPECT_EQ(settings_of(config, {"GPU-9", "", "cuda3"}).duty, 80);
    EXPECT_EQ(limits_of(settings_of(config, {"GPU-9", "", "cuda3"})).temp_start, 80);

    EXPECT_EQ(names_of_none(config, {{"GPU-5f1c", "0000:3b:00.0", "cuda0"}, {"x", "", "cpu0"}}),
              (std::vector<std::string>{"3c:00.0", "cuda7"}));
}

TEST(NodeConfig, WhatIsWrongWithADevicesLimitsNamesTheDevice) {
    const auto refused = [](const std::string& toml) {
        return std::string{fatal_of([&] { check(loaded(toml)); }).what()};
    };
    EXPECT_THAT(refused("[device.cuda0]\ntemp_stop = 20\n"),
                HasSubstr("device.\"cuda0\".temp_stop: 20 °C"));
    EXPECT_THAT(refused("[device.cuda0]\ntemp_start = 60\n"),
                HasSubstr("device.\"cuda0\".temp_start is set without temp_stop"));
    EXPECT_THAT(refused("[device.cuda0]\nkeep_free_memory = \"2 gigs\"\n"),
                HasSubstr("device.\"cuda0\".keep_free_memory"));
    EXPECT_THAT(refused("[device.cuda0]\nduty = 0\n"), HasSubstr("1 to 100"));
    EXPECT_THAT(refused("[device.cuda0]\npayout = \"x\"\n"), HasSubstr("it may hold duty"));
    const Config twice = loaded("[device.cuda0]\nduty = 5\n[device.GPU-1]\nduty = 6\n");
    EXPECT_THAT(fatal_of([&] {
                    settings_of(twice, {"GPU-1", "", "cuda0"});
                }).what(),
                HasSubstr("same device"));
}

TEST(NodeConfig, AGoodOnePasses) { EXPECT_NO_THROW(check_for_run(good())); }

struct Wrong {
    const char* name;
    void (*spoil)(Config&);
    const char* code;
    const char* words;
};
class WrongConfig : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongConfig, IsRefusedInWords) {
    Config config = good();
    GetParam().spoil(config);
    const auto fatal = fatal_of([&] { check_for_run(config); });
    EXPECT_EQ(fatal.code, GetParam().code);
    EXPECT_EQ(fatal.exit_code, edge::exit_configuration);
    EXPECT_THAT(fatal.what(), HasSubstr(GetParam().words));
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongConfig,
    ::testing::Values(
        Wrong{"TempStopTooHigh", [](Config& c) { c.temp_stop = 111; }, "E-CONFIG", "40 to 110"},
        Wrong{"TempStopTooLow", [](Config& c) { c.temp_stop = 20; }, "E-CONFIG", "40 to 110"},
        Wrong{"TempStartNotBelow", [](Config& c) { c.temp_stop = c.temp_start = 85; }, "E-CONFIG",
              "below temp_stop (85 °C)"},
        Wrong{"TempStartAlone", [](Config& c) { c.temp_start = 70; }, "E-CONFIG",
              "without temp_stop"},
        Wrong{"Memory", [](Config& c) { c.keep_free_memory = "2 gigs"; }, "E-CONFIG", "2GiB"},
        Wrong{"NoVerifier", [](Config& c) { c.verifier_address.clear(); }, "E-CONFIG",
              "--verifier host:port"},
        Wrong{"NoPort", [](Config& c) { c.verifier_address = "vigil.example.org"; }, "E-CONFIG",
              "not host:port"},
        Wrong{"Scheme", [](Config& c) { c.verifier_address = "https://vigil.example.org:9464"; },
              "E-CONFIG", "write host:port without https://"},
        Wrong{"OneOfSeveralWithoutPort", [](Config& c) { c.verifier_address = "a:1, b"; },
              "E-CONFIG", "\"b\" is not host:port"},
        Wrong{"PortTooLarge", [](Config& c) { c.verifier_address = "a:70000"; }, "E-CONFIG",
              "not host:port"},
        Wrong{"Backend", [](Config& c) { c.backends = {"cudda"}; }, "E-CONFIG",
              "did you mean cuda?"},
        Wrong{"AffinityWord", [](Config& c) { c.cpu_affinity = {"one"}; }, "E-CONFIG", "0-3,6"},
        Wrong{"AffinityBackwards", [](Config& c) { c.cpu_affinity = {"3-1"}; }, "E-CONFIG",
              "backwards"},
        Wrong{"Pin", [](Config& c) { c.verifier_fingerprint = "ab:cd"; }, "E-CONFIG",
              "64 hexadecimal"},
        Wrong{"PinAndCa", [](Config& c) { c.verifier_fingerprint = c.verifier_ca = "x"; },
              "E-CONFIG", "both set"},
        Wrong{"NoPayout", [](Config& c) { c.payout.clear(); }, "E-PAYOUT", "--payout"},
        Wrong{"PayoutChecksum",
              [](Config& c) {
                  c.payout[5] = 'a';
                  c.payout[20] = 'f';
              },
              "E-PAYOUT", "wallet"},
        Wrong{"LongName", [](Config& c) { c.name.assign(65, 'n'); }, "E-CONFIG", "64 bytes"}),
    [](const auto& entry) { return std::string{entry.param.name}; });

TEST(NodeConfig, OwnersLimits) {
    EXPECT_FALSE(limits_of(good()).any());
    const Config config =
        loaded("temp_stop = 85\nkeep_free_memory = \"2GiB\"\nyield_to_others = true\n");
    const Limits limits = limits_of(config);
    EXPECT_EQ(limits.temp_stop, 85);
    EXPECT_EQ(limits.temp_start, 75) << "ten below";
    EXPECT_EQ(limits.keep_free_memory, 2ull << 30);
    EXPECT_TRUE(limits.yield_to_others);
    EXPECT_EQ(limits_of(loaded("temp_stop = 85\ntemp_start = 80\n")).temp_start, 80);
}

TEST(NodeConfig, APinMayHaveColons) {
    Config config = good();
    for (int i = 0; i < 32; ++i) config.verifier_fingerprint += i ? ":AB" : "AB";
    EXPECT_NO_THROW(check_for_run(config));
}

TEST(NodeConfig, DataFolderFollowsTheUser) {
    EXPECT_EQ(default_data_dir(true, "/x", "/root"), "/var/lib/vigil-node");
    EXPECT_EQ(default_data_dir(false, nullptr, "/home/o"), "/home/o/.local/state/vigil-node");
    EXPECT_EQ(default_data_dir(false, "/state", "/home/o"), "/state/vigil-node");
}

}  // namespace
}  // namespace vigil::node
