#include "proto/edge/notice.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace vigil::edge {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

const Notice notice{Notice::Kind::opened,        "verifier of <mynet>",
                    "@everyone 1 device misses", {"cuda0 & cuda1", "since 14:00"},
                    {{"devices", "1"}},          instant_from_ms(1'700'000'000'000)};
const Instant sent = instant_from_ms(1'700'000'009'999);

Channel channel(ChannelKind kind) {
    Channel one;
    one.name = "ops";
    one.kind = kind;
    one.url = url_from_text("https://hooks.example/hush").value();
    one.key = "key";
    one.chat = "-100";
    return one;
}

TEST(Notice, AWebhookIsSignedOverTimeAndBody) {
    // From the RFC: HMAC_SHA256("key", "The quick brown fox jumps over the lazy dog") is
    // f7bc83f4…d2b8; here the same text stands after a timestamp and a dot.
    EXPECT_EQ(notice_signature("key", 0, "x").size(), 3u + 64);
    const HttpCall call = call_for(channel(ChannelKind::webhook), notice, "id-1", sent);
    EXPECT_EQ(call.method, "POST");
    EXPECT_THAT(call.headers, Contains(Pair("Vigil-Delivery", "id-1")));
    EXPECT_THAT(call.headers, Contains(Pair("Vigil-Timestamp", "1700000009")));
    EXPECT_THAT(call.headers, Contains(Pair("Vigil-Signature",
                                            notice_signature("key", 1'700'000'009, call.body))));
    const json body = json::parse(call.body);
    EXPECT_EQ(body.at("version"), 1);
    EXPECT_EQ(body.at("id"), "id-1");
    EXPECT_EQ(body.at("kind"), "incident_opened");
    EXPECT_EQ(body.at("time"), "2023-11-14T22:13:20Z") << "when it happened, not when it is sent";
    EXPECT_EQ(body.at("facts").at("devices"), "1");
    EXPECT_THAT(body.at("text").get<std::string>(), HasSubstr("misses\ncuda0 & cuda1\nsince"));
    EXPECT_NE(notice_signature("other", 1'700'000'009, call.body),
              notice_signature("key", 1'700'000'009, call.body));
    EXPECT_NE(notice_signature("key", 1'700'000'010, call.body),
              notice_signature("key", 1'700'000'009, call.body));
}

TEST(Notice, EachTemplateHoldsToItsServicesRules) {
    const HttpCall discord = call_for(channel(ChannelKind::discord), notice, "", sent);
    const json to_discord = json::parse(discord.body);
    EXPECT_THAT(to_discord.at("content").get<std::string>(), HasSubstr("@everyone"));
    EXPECT_EQ(to_discord.at("allowed_mentions").at("parse"), json::array()) << "nobody is woken";
    EXPECT_THAT(discord.headers, Not(Contains(Key("Vigil-Signature"))));

    const json to_slack = json::parse(call_for(channel(ChannelKind::slack), notice, "", sent).body);
    EXPECT_THAT(to_slack.at("text").get<std::string>(),
                HasSubstr("verifier of &lt;mynet&gt;: @everyone"));
    EXPECT_THAT(to_slack.at("text").get<std::string>(), HasSubstr("cuda0 &amp; cuda1"));

    const json to_telegram =
        json::parse(call_for(channel(ChannelKind::telegram), notice, "", sent).body);
    EXPECT_EQ(to_telegram.at("chat_id"), "-100");
    EXPECT_THAT(to_telegram.at("text").get<std::string>(), HasSubstr("<mynet>"));

    EXPECT_EQ(ping_for(channel(ChannelKind::ping)).method, "GET");
    EXPECT_EQ(ping_for(channel(ChannelKind::ping)).body, "");
}

TEST(Notice, ALongOneIsCutAndNoCharacterInTwo) {
    Notice longest = notice;
    longest.lines.assign(500, "äöü äöü äöü");
    const json to_discord =
        json::parse(call_for(channel(ChannelKind::discord), longest, "", sent).body);
    const auto text = to_discord.at("content").get<std::string>();
    EXPECT_LT(text.size(), 2'000u);
    EXPECT_THAT(text, EndsWith("…"));
    EXPECT_EQ(text.find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(Notice, TextsThatAreNoUtf8StillLeave) {
    Notice broken = notice;
    broken.title = "\xff\xfe";
    EXPECT_FALSE(call_for(channel(ChannelKind::webhook), broken, "", sent).body.empty());
}

TEST(Delivery, IsTriedAgainOnlyWhereThatMayHelp) {
    using Next = Delivery::Next;
    struct Row {
        unsigned status;  // 0: no answer
        unsigned attempt;
        Next next;
        std::int64_t wait_ms;
        std::optional<int> retry_after{};
    };
    for (const Row& row : {
             Row{200, 1, Next::delivered, 0},
             Row{204, 9, Next::delivered, 0},
             Row{0, 1, Next::retry, 1'000},
             Row{500, 2, Next::retry, 2'000},
             Row{503, 4, Next::retry, 8'000},
             Row{502, 9, Next::retry, 256'000},
             Row{429, 1, Next::retry, 30'000, 30},
             Row{429, 1, Next::retry, 600'000, 86'400},
             Row{429, 3, Next::retry, 4'000, 1},
             Row{408, 1, Next::retry, 1'000},
             Row{0, 10, Next::give_up, 0},
             Row{500, 10, Next::give_up, 0},
             Row{301, 1, Next::give_up, 0},
             Row{401, 1, Next::give_up, 0},
             Row{404, 1, Next::give_up, 0},
         }) {
        Expected<HttpAnswer, std::string> answer = tl::unexpected{std::string{"no route"}};
        if (row.status != 0) {
            HttpAnswer given{row.status, "", {}};
            if (row.retry_after) given.retry_after = std::chrono::seconds{*row.retry_after};
            answer = given;
        }
        const Delivery judged = judge_delivery(answer, row.attempt);
        EXPECT_EQ(judged.next, row.next) << row.status << " " << row.attempt;
        EXPECT_EQ(judged.wait, Milliseconds{row.wait_ms}) << row.status << " " << row.attempt;
    }
}

}  // namespace
}  // namespace vigil::edge
