#include "node/doctor.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <thread>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Field;
using testing::HasSubstr;
using Level = Finding::Level;

/// What a part of doctor tells.
struct Told {
    std::vector<Finding> all;
    Tell tell = [this](Finding f) { all.push_back(std::move(f)); };
};

TEST(Findings, OneLineOrFoldedToTheTerminal) {
    const Finding f = fail("key", "secret file /srv/node.key has mode 0644, so others may use it",
                           "chmod 600 '/srv/node.key'", "E-KEYMODE");
    EXPECT_EQ(
        finding_text(f, {}),
        "fail  key      E-KEYMODE: secret file /srv/node.key has mode 0644, so others may use "
        "it -> fix: chmod 600 '/srv/node.key'\n");
    EXPECT_EQ(finding_text(f, {false, 60}),
              "fail  key      E-KEYMODE: secret file /srv/node.key has mode\n"
              "               0644, so others may use it\n"
              "               fix: chmod 600 '/srv/node.key'\n");
    EXPECT_THAT(finding_text(f, {true, 60}), HasSubstr("\x1b[31mfail"));
    EXPECT_EQ(finding_text(ok("clock", "a\nb"), {}), "ok    clock    a\\x0ab\n");
}

TEST(Findings, AFatalGivesItsFix) {
    const auto of = [](const std::string& text) { return fail("x", edge::Fatal{3, "E-X", text}); };
    EXPECT_EQ(of("it is so. Run: chmod 600 'a. b'").fix, "chmod 600 'a. b'");
    EXPECT_EQ(of("it is so; do that").what, "it is so");
    EXPECT_EQ(of("it is so; do that").fix, "do that");
    EXPECT_EQ(of("it is so").fix, "see E-X in docs/troubleshooting.md");
    EXPECT_EQ(of("it is so").code, "E-X");
}

TEST(Findings, JsonIsStable) {
    const auto json = nlohmann::json::parse(findings_json(
        {ok("clock", "good"), warn("gpu", "hot", "cool it"), fail("tls", "wrong", "ask", "E-CERT")},
        false));
    EXPECT_EQ(json, nlohmann::json::parse(R"({"would_pass":false,"findings":[
        {"level":"ok","area":"clock","what":"good","fix":null,"code":null},
        {"level":"warn","area":"gpu","what":"hot","fix":"cool it","code":null},
        {"level":"fail","area":"tls","what":"wrong","fix":"ask","code":"E-CERT"}]})"));
    EXPECT_TRUE(nlohmann::json::parse(findings_json({}, {})).at("would_pass").is_null());
    EXPECT_EQ(summary({fail("a", "b", "c"), warn("a", "b", "c")}, false),
              "1 failure, 1 warning; a check now would not pass (see fail)\n");
    EXPECT_THAT(summary({}, {}), HasSubstr("0 failures, 0 warnings; whether"));
}

TEST(DoctorConfig, WrongSettingsAreFindingsAndTheRestIsKept) {
    Config config;
    config.backends = {"gpuu"};
    config.cpu_affinity = {"3-1"};
    config.verifier_address = "nowhere";
    config.payout = "0x12";
    config.name = "kept";
    config.duty = 70;
    Told told;
    look_at_config(config, {"E-CONFIG: node.toml:1: unknown key \"dutty\"; did you mean \"duty\"?"},
                   told.tell);
    ASSERT_EQ(told.all.size(), 5U);
    for (const Finding& f : told.all) {
        EXPECT_EQ(f.level, Level::fail);
        EXPECT_EQ(f.area, "config");
        EXPECT_FALSE(f.fix.empty()) << f.what;
        EXPECT_THAT(f.what, testing::Not(HasSubstr("E-CONFIG")));
    }
    EXPECT_EQ(told.all[0].fix, "did you mean \"duty\"?");
    EXPECT_THAT(told.all, Contains(Field(&Finding::code, "E-PAYOUT")));
    EXPECT_TRUE(config.backends.empty());
    EXPECT_TRUE(config.cpu_affinity.empty());
    EXPECT_TRUE(config.verifier_address.empty());
    EXPECT_EQ(config.name, "kept");
    EXPECT_EQ(config.duty, 70);
}

TEST(DoctorConfig, TwoWaysToTrust) {
    Config config;
    config.verifier_ca = "tls.crt";
    config.verifier_fingerprint = std::string(64, 'a');
    Told told;
    look_at_config(config, {}, told.tell);
    EXPECT_THAT(told.all, ElementsAre(Field(&Finding::what, HasSubstr("are both set"))));
    EXPECT_TRUE(config.verifier_ca.empty());
    EXPECT_EQ(config.verifier_fingerprint, std::string(64, 'a'));
}

TEST(DoctorConfig, AChannelWithoutItsFileIsAWarning) {
    Config config;
    config.channels["me"].kind = "discord";
    config.channels["me"].url_file = "/nowhere/discord.url";
    Told told;
    look_at_config(config, {}, told.tell);
    EXPECT_THAT(told.all,
                Contains(testing::AllOf(Field(&Finding::level, Level::warn),
                                        Field(&Finding::code, "E-KEYREAD"),
                                        Field(&Finding::what, HasSubstr("discord.url")))));
}

TEST(DoctorConfig, LimitsThatMakeNoSense) {
    Config config;
    config.temp_start = 60;
    config.keep_free_memory = "much";
    config.verifier_ca = "tls.crt";
    Told told;
    look_at_config(config, {}, told.tell);
    EXPECT_THAT(told.all, ElementsAre(Field(&Finding::what, HasSubstr("keep_free_memory")),
                                      Field(&Finding::what, HasSubstr("temp_start"))));
    EXPECT_EQ(config.temp_start, 0);
    EXPECT_EQ(config.verifier_ca, "tls.crt");
    EXPECT_NO_THROW(check(config));
}

TEST(DoctorKey, MissingGoodAndReadableByOthers) {
    test::Folder folder;
    Config config;
    config.data_dir = (folder.path() / "none").string();
    Told told;
    EXPECT_FALSE(look_at_key(config, told.tell));
    EXPECT_THAT(told.all, ElementsAre(Field(&Finding::what, EndsWith("is made by the first run"))));
    EXPECT_FALSE(std::filesystem::exists(config.data_dir));  // nothing was made

    config.data_dir = folder.path().string();
    const auto key = folder.path() / "node.key";
    const std::string seed(64, '7');
    std::ofstream{key} << seed << "\n";
    ::chmod(key.c_str(), 0600);
    told.all.clear();
    EXPECT_TRUE(look_at_key(config, told.tell));
    EXPECT_THAT(told.all, ElementsAre(Field(&Finding::level, Level::ok)));

    ::chmod(key.c_str(), 0644);
    told.all.clear();
    EXPECT_FALSE(look_at_key(config, told.tell));
    ASSERT_EQ(told.all.size(), 1U);
    EXPECT_EQ(told.all[0].level, Level::fail);
    EXPECT_EQ(told.all[0].code, "E-KEYMODE");
    EXPECT_EQ(told.all[0].fix, "chmod 600 '" + key.string() + "'");
    for (const Finding& f : told.all) EXPECT_THAT(f.what, testing::Not(HasSubstr(seed)));
}

TEST(DoctorWithin, ADriverThatHangsIsLeftBehind) {
    EXPECT_EQ(within<int>(Milliseconds{5'000}, [] { return 7; }), 7);
    EXPECT_FALSE(left_behind());
    EXPECT_THROW(within<int>(Milliseconds{5'000}, []() -> int { throw SearchFailed{"x"}; }),
                 SearchFailed);
    const auto hung = std::make_shared<std::atomic<bool>>(true);
    EXPECT_FALSE(within<int>(Milliseconds{50}, [hung] {
        while (*hung) std::this_thread::sleep_for(Milliseconds{5});
        return 1;
    }));
    EXPECT_TRUE(left_behind());
    *hung = false;
}

TEST(DoctorWay, WithoutAVerifierNothingIsAsked) {
    Told told;
    look_at_way({}, {}, {}, told.tell);
    EXPECT_THAT(told.all, ElementsAre(AllOf(Field(&Finding::level, Level::warn),
                                            Field(&Finding::fix, HasSubstr("--verifier")))));
}

}  // namespace
}  // namespace vigil::node
