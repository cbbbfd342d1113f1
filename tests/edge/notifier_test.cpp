#include "proto/edge/notifier.hpp"

#include <gmock/gmock.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>

#include "tests/edge/recording_server.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Result = Notifier::Result;
using Server = RecordingServer;

constexpr const char* hush = "hush-4711-hush";

/// What the program logs meanwhile.
class Logged {
public:
    Logged() : before_{spdlog::default_logger()} {
        spdlog::set_default_logger(std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
    }
    ~Logged() { spdlog::set_default_logger(before_); }
    std::string text() const { return text_.str(); }

private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_;
};

struct NotifierTest : ::testing::Test {
    Scratch scratch;
    Logged logged;
    ChannelsByName settings;
    std::mutex mutex;
    std::map<std::pair<std::string, std::string>, int> counts;  // guarded by mutex

    /// A channel of this kind to a server.
    void add(const std::string& kind, const Server& server) {
        ChannelSettings& own = settings[kind];
        own.kind = kind;
        own.url_file = scratch.write(kind + ".url", server.url("/" + std::string{hush}) + "\n");
        if (kind == "webhook") own.key_file = scratch.write("key", std::string{hush} + "-key\n");
        if (kind != "telegram") return;
        own.url_file.clear();
        own.key_file = scratch.write("token", std::string{"1:"} + hush);
        own.chat = "42";
        own.api = server.url("");
    }
    Notifier::Hooks hooks() {
        return {.now = [] { return instant_from_ms(1'700'000'000'000); },
                .counted =
                    [this](ChannelKind kind, Result result) {
                        const std::lock_guard lock{mutex};
                        ++counts[{std::string{to_string(kind)}, std::string{to_string(result)}}];
                    },
                .hurry = 100};
    }
    int counts_of(const std::string& kind, const std::string& result) {
        const std::lock_guard lock{mutex};
        return counts[{kind, result}];
    }
    bool counted(const std::string& kind, const std::string& result, int times) {
        return soon([&] { return counts_of(kind, result) == times; });
    }
    static Notice notice(const std::string& title = "2 devices miss") {
        return {Notice::Kind::opened, "verifier", title, {}, {}, instant_from_ms(0)};
    }
};

TEST_F(NotifierTest, EachKindArrivesAsItsServiceWantsIt) {
    Server webhook, discord, slack, telegram;
    add("webhook", webhook);
    add("discord", discord);
    add("slack", slack);
    add("telegram", telegram);
    Notifier notifier{load_channels(settings), hooks()};
    notifier.tell(notice());
    for (const char* kind : {"webhook", "discord", "slack", "telegram"})
        ASSERT_TRUE(counted(kind, "delivered", 1)) << kind << ": " << logged.text();

    const Server::Request signed_one = webhook.requests().at(0);
    EXPECT_EQ(signed_one.target, "/" + std::string{hush});
    EXPECT_EQ(signed_one.fields.at("content-type"), "application/json");
    EXPECT_EQ(
        signed_one.fields.at("vigil-signature"),
        notice_signature(std::string{hush} + "-key",
                         std::stoll(signed_one.fields.at("vigil-timestamp")), signed_one.body));
    EXPECT_EQ(nlohmann::json::parse(discord.requests().at(0).body).at("content"),
              "verifier: 2 devices miss");
    EXPECT_EQ(nlohmann::json::parse(slack.requests().at(0).body).at("text"),
              "verifier: 2 devices miss");
    EXPECT_EQ(telegram.requests().at(0).target, "/bot1:" + std::string{hush} + "/sendMessage");
    EXPECT_THAT(logged.text(), Not(HasSubstr(hush)));
}

TEST_F(NotifierTest, GoesOverTlsToWhomItTrusts) {
    const TlsIdentity identity =
        load_or_create_tls(scratch.path("tls.crt"), scratch.path("tls.key"), {});
    Server server{identity};
    add("webhook", server);
    settings["webhook"].ca = scratch.path("tls.crt");
    Notifier notifier{load_channels(settings), hooks()};
    notifier.tell(notice());
    EXPECT_TRUE(counted("webhook", "delivered", 1)) << logged.text();
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(NotifierTest, AFailureIsTriedAgainUnderTheSameNameAndInOrder) {
    Server server;
    server.answer({{.status = 500}, {.status = 429, .retry_after = "1"}, {.status = 200}});
    add("webhook", server);
    Notifier notifier{load_channels(settings), hooks()};
    notifier.tell(notice("first"));
    notifier.tell(notice("second"));
    ASSERT_TRUE(counted("webhook", "delivered", 2));
    EXPECT_TRUE(counted("webhook", "retried", 2));
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 4u);
    EXPECT_EQ(requests[0].fields.at("vigil-delivery"), requests[2].fields.at("vigil-delivery"));
    EXPECT_NE(requests[0].fields.at("vigil-delivery"), requests[3].fields.at("vigil-delivery"));
    EXPECT_THAT(requests[2].body, HasSubstr("first"));
    EXPECT_THAT(requests[3].body, HasSubstr("second"));
    EXPECT_THAT(logged.text(), AllOf(HasSubstr("answered with 500"), Not(HasSubstr(hush))));
}

TEST_F(NotifierTest, WhatWillNeverDoIsGivenUpAtOnceAndTheRestGoesOn) {
    Server server;
    server.answer({{.status = 404}});
    add("discord", server);
    Notifier notifier{load_channels(settings), hooks()};
    notifier.tell(notice("first"));
    notifier.tell(notice("second"));
    EXPECT_TRUE(counted("discord", "given_up", 1));
    EXPECT_TRUE(counted("discord", "delivered", 1));
    EXPECT_THAT(logged.text(), AllOf(HasSubstr("given up"), Not(HasSubstr(hush))));
}

TEST_F(NotifierTest, ItStopsTryingAfterAWhile) {
    std::string nowhere;
    {
        Server server;
        add("slack", server);
    }
    Notifier::Hooks hurried = hooks();
    hurried.hurry = 1'000'000;
    Notifier notifier{load_channels(settings), hurried};
    notifier.tell(notice());
    EXPECT_TRUE(counted("slack", "given_up", 1));
    EXPECT_TRUE(counted("slack", "retried", 9));
    EXPECT_THAT(logged.text(), Not(HasSubstr(hush)));
}

TEST_F(NotifierTest, ASlowChannelHoldsUpNobodyAndItsQueueIsBounded) {
    Server slow, quick;
    slow.answer({{.delay = Milliseconds{60'000}}});
    add("webhook", slow);
    add("slack", quick);
    const auto begun = std::chrono::steady_clock::now();
    {
        Notifier notifier{load_channels(settings), hooks()};
        notifier.tell(notice());
        ASSERT_TRUE(soon([&] { return slow.requests().size() == 1; }));
        for (int i = 0; i < 70; ++i) {
            notifier.tell(notice(std::to_string(i)));
            ASSERT_TRUE(counted("slack", "delivered", 2 + i));
        }
        EXPECT_TRUE(counted("webhook", "dropped", 6)) << "64 wait";
    }
    EXPECT_TRUE(counted("webhook", "dropped", 71)) << "the rest when the program ends";
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Milliseconds{30'000});
}

TEST_F(NotifierTest, ADeadMansSwitchIsPingedOnceInItsTimeAndHearsNoNotice) {
    Server server;
    add("ping", server);
    settings["ping"].every = 3'600;
    Notifier notifier{load_channels(settings), hooks()};
    notifier.tell(notice());
    for (int i = 0; i < 50; ++i) notifier.ping();
    ASSERT_TRUE(counted("ping", "delivered", 1));
    ASSERT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(server.requests().at(0).method, "GET");
}

TEST_F(NotifierTest, APingThatFailedIsFollowedByOneThatIsTrueThen) {
    Server server;
    server.answer({{.status = 500}});
    add("ping", server);
    settings["ping"].every = 3'600;
    Notifier notifier{load_channels(settings), hooks()};
    notifier.ping();
    ASSERT_TRUE(counted("ping", "given_up", 1));
    EXPECT_EQ(server.requests().size(), 1u) << "not sent again by itself";
    EXPECT_TRUE(soon([&] {
        notifier.ping();
        return counts_of("ping", "delivered") == 1;
    }));
    for (int i = 0; i < 50; ++i) notifier.ping();
    EXPECT_EQ(server.requests().size(), 2u);
    EXPECT_EQ(counts_of("ping", "retried"), 0);
}

TEST_F(NotifierTest, AChannelWithoutItsFileIsCountedAndHoldsUpNoOther) {
    Server server;
    add("slack", server);
    add("discord", server);
    settings["discord"].url_file = scratch.path("gone").string();
    EXPECT_THAT(fatal("E-KEYREAD", [&] { look_at_channels(settings); }), HasSubstr("gone"));
    Notifier notifier{load_channels_to_run(settings), hooks()};
    EXPECT_THAT(logged.text(), AllOf(HasSubstr("E-KEYREAD"), HasSubstr("gone"),
                                     HasSubstr("by the channel \"discord\"")));
    notifier.tell(notice());
    EXPECT_TRUE(counted("discord", "given_up", 1));
    EXPECT_TRUE(counted("slack", "delivered", 1)) << logged.text();
    EXPECT_EQ(server.requests().size(), 1u);
    settings["discord"].kind = "email";
    fatal("E-CONFIG", [&] { load_channels_to_run(settings); });
}

TEST_F(NotifierTest, SettingsThatMakeNoSenseAreNamedWithoutTheirSecrets) {
    const auto refusal = [&](const std::string& code, const ChannelSettings& asked) {
        return fatal(code, [&] { load_channels({{"ops", asked}}); });
    };
    ChannelSettings asked;
    asked.kind = "email";
    EXPECT_THAT(refusal("E-CONFIG", asked), HasSubstr("none of webhook"));
    asked.kind = "discord";
    EXPECT_THAT(refusal("E-CONFIG", asked), HasSubstr("notify.\"ops\".url_file"));
    asked.url_file = scratch.write("open", "https://h/" + std::string{hush}, 0644);
    EXPECT_THAT(refusal("E-KEYMODE", asked), HasSubstr("chmod 600"));
    asked.url_file = scratch.write("bad", "h/" + std::string{hush});
    EXPECT_THAT(refusal("E-CONFIG", asked), AllOf(HasSubstr("no URL"), Not(HasSubstr(hush))));
    asked.url_file = scratch.write("two", "https://h/\n" + std::string{hush});
    EXPECT_THAT(refusal("E-CONFIG", asked), AllOf(HasSubstr("one line"), Not(HasSubstr(hush))));
    asked.kind = "webhook";
    EXPECT_THAT(refusal("E-CONFIG", asked), HasSubstr("openssl rand -hex 32"));
    asked.kind = "telegram";
    EXPECT_THAT(refusal("E-CONFIG", asked), HasSubstr("bot's token"));
}

}  // namespace
}  // namespace vigil::edge
