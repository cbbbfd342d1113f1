#include "proto/edge/channel_trial.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sstream>

#include "proto/edge/files.hpp"
#include "tests/edge/recording_server.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using Server = RecordingServer;

constexpr const char* hush = "hush-4711-hush";

struct ChannelTrialTest : ::testing::Test {
    Scratch scratch;
    ChannelsByName settings;

    /// A channel of this kind to a server.
    ChannelSettings& add(const std::string& name, const std::string& kind, const Server& server) {
        ChannelSettings& own = settings[name];
        own.kind = kind;
        own.url_file = scratch.write(name + ".url", server.url("/" + std::string{hush}) + "\n");
        if (kind == "webhook") own.key_file = scratch.write("key", std::string{hush} + "-key\n");
        return own;
    }
    std::vector<ChannelTrial> all(const std::string& channel = {}) const {
        return try_channels(settings, {channel, "node rack 3", instant_from_ms(1'700'000'000'000)});
    }
};

TEST_F(ChannelTrialTest, EachChannelIsSentOneTestNotice) {
    Server webhook, slack, ping;
    add("a", "webhook", webhook);
    add("b", "slack", slack);
    add("c", "ping", ping);
    const auto trials = all();
    ASSERT_EQ(trials.size(), 3u);
    for (const ChannelTrial& trial : trials) {
        EXPECT_EQ(trial.trouble, "") << trial.name;
        EXPECT_EQ(trial.status, 200u);
        EXPECT_THAT(trial.place, HasSubstr("localhost:"));
    }
    ASSERT_EQ(webhook.requests().size(), 1u);
    const Server::Request sent = webhook.requests().at(0);
    EXPECT_EQ(nlohmann::json::parse(sent.body).at("kind"), "test");
    EXPECT_EQ(sent.fields.at("vigil-signature"),
              notice_signature(std::string{hush} + "-key", 1'700'000'000, sent.body));
    EXPECT_THAT(slack.requests().at(0).body, HasSubstr("node rack 3: a test"));
    EXPECT_EQ(ping.requests().at(0).method, "GET");
}

TEST_F(ChannelTrialTest, OneCanBeNamed) {
    Server one, other;
    add("one", "slack", one);
    add("other", "slack", other);
    EXPECT_EQ(all("other").size(), 1u);
    EXPECT_TRUE(one.requests().empty());
    EXPECT_EQ(other.requests().size(), 1u);
    EXPECT_THAT(fatal("E-CONFIG", [&] { all("ops"); }),
                AllOf(HasSubstr("\"ops\""), EndsWith("there are one, other")));
}

TEST_F(ChannelTrialTest, AFailureSaysWhatItMeansAndOnlyOneAttemptIsMade) {
    const std::vector<std::pair<unsigned, const char*>> cases{
        {301, "sends elsewhere"}, {400, "look at kind"},      {403, "does not accept"},
        {404, "no such webhook"}, {408, "took too long"},     {402, "no answer that such"},
        {429, "too much lately"}, {503, "trouble of its own"}};
    Server server;
    add("ops", "discord", server);
    for (const auto& [status, words] : cases) {
        server.answer({{.status = status, .body = "{\"message\": \"Unknown\"}\n"}});
        const ChannelTrial trial = all().front();
        EXPECT_EQ(trial.status, status);
        EXPECT_THAT(trial.trouble, AllOf(HasSubstr(words), HasSubstr(std::to_string(status)),
                                         EndsWith("it says: {\"message\": \"Unknown\"}")));
    }
    EXPECT_EQ(server.requests().size(), cases.size());
}

TEST_F(ChannelTrialTest, NobodyThereIsSaid) {
    {
        Server gone;
        add("ops", "slack", gone);
    }
    const ChannelTrial trial = all().front();
    EXPECT_FALSE(trial.status);
    EXPECT_THAT(trial.trouble, AllOf(HasSubstr("localhost:"), HasSubstr("look at the address")));
}

TEST_F(ChannelTrialTest, NoSecretIsPrintedAlsoWhereAnAnswerRepeatsIt) {
    Server server;
    add("ops", "webhook", server);
    for (const std::string& body :
         {"no route to /" + std::string{hush}, "bad key " + std::string{hush} + "-key"}) {
        server.answer({{.status = 404, .body = body}});
        const auto trials = all();
        EXPECT_THAT(trials_text(trials) + trials_json(trials), Not(HasSubstr(hush)));
    }
    server.answer({{.status = 404, .body = "<html>a page for people</html>"}});
    EXPECT_THAT(all().front().trouble, Not(HasSubstr("it says")));
    server.answer({{.status = 404, .body = "\x1b[2J"}});
    EXPECT_THAT(trials_text(all()), Not(HasSubstr("\x1b")));
}

TEST_F(ChannelTrialTest, NoSecretIsPrintedAlsoWhereAnAnswerSpellsItOtherwise) {
    Server server;
    ChannelSettings& bot = settings["bot"];
    bot.kind = "telegram";
    bot.key_file = scratch.write("token", "1:" + std::string{hush} + "\n");
    bot.chat = "42";
    bot.api = server.url("");
    server.answer({{.status = 401, .body = "no token is 1:" + std::string{hush}}});
    EXPECT_THAT(all().front().trouble, AllOf(HasSubstr("does not accept"), Not(HasSubstr(hush))));
    settings.clear();
    add("ops", "slack", server).url_file =
        scratch.write("encoded.url", server.url("/hu%73h-4711%2Dhush?a%zz=%4"));
    for (const std::string& body :
         {"no route to /" + std::string{hush}, std::string{"no route to /hu%73h-4711%2Dhush"}}) {
        server.answer({{.status = 404, .body = body}});
        EXPECT_THAT(all().front().trouble,
                    AllOf(HasSubstr("no such webhook"), Not(HasSubstr("it says"))));
    }
}

TEST_F(ChannelTrialTest, AChannelWhoseSecretCannotBeReadDoesNotKeepTheOthersFromBeingTried) {
    Server server;
    add("good", "slack", server);
    add("open", "slack", server).url_file = scratch.write("open", server.url("/"), 0644);
    std::ostringstream out;
    EXPECT_EQ(run_channel_trial(settings, {"", "node", {}}, false, out), exit_check_failed);
    EXPECT_THAT(out.str(),
                AllOf(HasSubstr("delivered  answered with 200"), HasSubstr("failed     E-KEYMODE"),
                      EndsWith("1 of 2 delivered\n")));
    settings.erase("open");
    out.str({});
    EXPECT_EQ(run_channel_trial(settings, {"", "node", {}}, true, out), 0);
    const auto json = nlohmann::json::parse(out.str());
    EXPECT_EQ(json.at(0).at("channel"), "good");
    EXPECT_EQ(json.at(0).at("delivered"), true);
    EXPECT_EQ(json.at(0).at("status"), 200);
    EXPECT_TRUE(json.at(0).at("trouble").is_null());
}

TEST_F(ChannelTrialTest, NoChannelIsAnError) {
    EXPECT_THAT(fatal("E-CONFIG", [&] { all(); }), HasSubstr("add a table [[notify]]"));
    settings["ops"].kind = "email";
    EXPECT_THAT(fatal("E-CONFIG", [&] { all(); }), HasSubstr("none of webhook"));
}

}  // namespace
}  // namespace vigil::edge
