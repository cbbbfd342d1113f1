#include "proto/edge/bundle.hpp"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include "proto/edge/logging.hpp"
#include "proto/edge/recent_log.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Bundle, IsAPrivateTarAndNeverOverwrites) {
    const Scratch scratch;
    const auto archive = scratch.path("help.tar");
    const Instant now = instant_from_ms(1'700'000'000'000);
    write_bundle(archive, {{"a.txt", "alpha"}, {"empty.txt", ""}, {"b.txt", std::string(513, 'b')}},
                 {}, now);
    EXPECT_EQ(mode_of(archive), 0600U);
    const std::string tar = content_of(archive);
    EXPECT_EQ(tar.size() % 512, 0u);
    EXPECT_EQ(tar.size(), 512u * (2 + 1 + 3 + 2));
    EXPECT_THAT(tar, HasSubstr("help/a.txt"));
    EXPECT_THAT(tar, HasSubstr("alpha"));
    EXPECT_EQ(tar.substr(257, 5), "ustar");
    fatal("E-KEYEXISTS", [&] { write_bundle(archive, {}, {}, now); });
    EXPECT_EQ(bundle_name("vigil-node", now), "vigil-node-bundle-20231114T221320Z.tar");
}

TEST(Bundle, WhatStandsInASecretFileIsTakenOutOfEveryFile) {
    const Scratch scratch;
    const std::string key(64, 'a');
    const auto secrets = secrets_in(scratch.write(
        "k", "-----BEGIN KEY-----\n  MHcCAQEEIabc\n" + key + "\nshort\n-----END KEY-----\n"));
    EXPECT_THAT(secrets, ElementsAre("MHcCAQEEIabc", key));
    EXPECT_TRUE(secrets_in(scratch.path("none")).empty());
    write_bundle(scratch.path("x.tar"), {{"log.txt", "it is " + key + " and " + key + "!"}},
                 secrets, instant_from_ms(0));
    const std::string tar = content_of(scratch.path("x.tar"));
    EXPECT_THAT(tar, Not(HasSubstr(key)));
    EXPECT_THAT(tar, HasSubstr("it is [a secret was here] and [a secret was here]!"));
}

TEST(Bundle, SettingsAreShownWithoutArgumentsAndPathsOfUrls) {
    const Scratch scratch;
    Settings settings;
    std::string name = "node";
    std::string url;
    std::vector<std::string> run, backends;
    settings.declare({.key = "name", .target = &name, .help = ""});
    settings.declare({.key = "backends", .target = &backends, .help = ""});
    settings.declare_rows("hook", [&](const std::string&) {
        return std::vector<Setting>{{.key = "run", .target = &run, .help = ""},
                                    {.key = "http", .target = &url, .help = ""}};
    });
    settings.load(scratch.write("n.toml",
                                "backends = [\"cpu\", \"cuda\"]\n[hook.a]\n"
                                "run = [\"/bin/curl\", \"-H\", \"Token: hush\"]\n"
                                "http = \"http://me:hush@engine:1/hush?hush\"\n"),
                  [](const char*) -> const char* { return nullptr; }, {});
    const std::string text = settings_without_secrets(settings);
    EXPECT_THAT(text, Not(HasSubstr("hush")));
    EXPECT_THAT(text, HasSubstr("hook.\"a\".run = [\"/bin/curl\", and 2 more, left out]"));
    EXPECT_THAT(text, HasSubstr("\"http://engine:1/… (path left out)\""));
    EXPECT_THAT(text, HasSubstr("backends = [\"cpu\", \"cuda\"]"));
    EXPECT_THAT(text, HasSubstr("n.toml:1"));
}

TEST(RecentLog, KeepsTheLastLinesForWhoComesLater) {
    const Scratch scratch;
    const auto file = scratch.path("recent.log");
    start_logging("text", "info");
    spdlog::default_logger()->sinks().clear();  // a thousand lines help nobody who reads a test
    {
        const RecentLog log{file};
        for (int i = 0; i < 1'200; ++i) spdlog::info("line {}", i);
        spdlog::warn("{}", std::string(5'000, 'x'));
    }
    spdlog::info("after");
    const std::string text = content_of(file);
    EXPECT_EQ(mode_of(file), 0600U);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1'000);
    EXPECT_THAT(text, HasSubstr("line 1199\n"));
    EXPECT_THAT(text, Not(HasSubstr("line 200\n")));
    EXPECT_THAT(text, Not(HasSubstr("after")));
    EXPECT_LT(text.size(), 1'000u * 60 + 2'100);
}

TEST(RecentLog, BelongsToTheFirstOnItsFolder) {
    const Scratch scratch;
    const auto file = scratch.path("recent.log");
    start_logging("text", "info");
    spdlog::default_logger()->sinks().clear();
    {
        const RecentLog first{file};
        spdlog::info("of the first");
        {
            const RecentLog second{file};
            spdlog::info("of both");
        }
        EXPECT_FALSE(std::filesystem::exists(file)) << "the second writes at its end";
    }
    EXPECT_THAT(content_of(file), AllOf(HasSubstr("of the first"), HasSubstr("of both")));
    {
        const RecentLog third{file};
        spdlog::info("of the third");
    }
    EXPECT_THAT(content_of(file), AllOf(HasSubstr("of both"), HasSubstr("of the third")));
}

}  // namespace
}  // namespace vigil::edge
