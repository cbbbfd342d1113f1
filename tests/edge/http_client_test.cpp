#include "proto/edge/http_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/edge/recording_server.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Reply = RecordingServer::Reply;

bool never() { return false; }

HttpCall to(const std::string& url) {
    HttpCall call;
    call.url = url_from_text(url).value();
    call.deadline = Milliseconds{20'000};
    return call;
}

TEST(HttpClient, TakesUrlsApart) {
    const Url plain = url_from_text("http://host.example").value();
    EXPECT_FALSE(plain.tls);
    EXPECT_EQ(plain.place(), "host.example:80");
    EXPECT_EQ(plain.target, "/");
    const Url full = url_from_text("https://[2001:db8::7]:8443/a/b?c=d#e").value();
    EXPECT_TRUE(full.tls);
    EXPECT_EQ(full.host, "2001:db8::7");
    EXPECT_EQ(full.port, 8443);
    EXPECT_EQ(full.target, "/a/b?c=d");
    EXPECT_EQ(url_from_text("https://h?x=1").value().target, "/?x=1");
}

TEST(HttpClient, RefusesWhatIsNoUrlWithoutRepeatingIt) {
    for (const char* wrong :
         {"", "ftp://secret/", "secret", "http://", "http://secret:0/", "http://secret:x/",
          "http://secret:65536/", "http://me:secret@host/", "http://host/a secret",
          "http://[secret", "http://host/secret\r\nX: y"}) {
        const auto url = url_from_text(wrong);
        ASSERT_FALSE(url) << wrong;
        EXPECT_THAT(url.error(), Not(HasSubstr("secret"))) << wrong;
    }
    EXPECT_FALSE(url_from_text("http://host/" + std::string(2'048, 'a')));
}

TEST(HttpClient, SendsWhatItIsGivenAndReadsTheAnswer) {
    RecordingServer server;
    server.answer({{.status = 429, .body = "later", .retry_after = "7"}});
    HttpCall call = to(server.url("/hook?x=1"));
    call.method = "POST";
    call.headers = {{"Content-Type", "application/json"}};
    call.body = "{}";
    const auto answer = http_call(call, never);
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->status, 429u);
    EXPECT_EQ(answer->body, "later");
    EXPECT_EQ(answer->retry_after, std::chrono::seconds{7});
    const auto request = server.requests().at(0);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/hook?x=1");
    EXPECT_EQ(request.body, "{}");
    EXPECT_EQ(request.fields.at("content-type"), "application/json");
    EXPECT_EQ(request.fields.at("host"), "localhost:" + std::to_string(server.port()));
}

TEST(HttpClient, AnAnswerWithoutEndIsCut) {
    RecordingServer server;
    server.answer({{.body = std::string(1'000'000, 'x')}});
    const auto answer = http_call(to(server.url("/")), never);
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->body.size(), 64u * 1024);
}

TEST(HttpClient, AnAnswerThatEndsByClosingCounts) {
    const Scratch scratch;
    const TlsIdentity identity =
        load_or_create_tls(scratch.path("tls.crt"), scratch.path("tls.key"), {});
    RecordingServer secret{identity}, open;
    for (RecordingServer* server : {&secret, &open}) {
        server->answer({{.body = "taken", .ends_by_closing = true}});
        HttpCall call = to(server->url("/"));
        call.ca = scratch.path("tls.crt");
        const auto answer = http_call(call, never);
        ASSERT_TRUE(answer) << answer.error();
        EXPECT_EQ(answer->status, 200u);
        EXPECT_EQ(answer->body, "taken");
    }
}

TEST(HttpClient, TrustsOnlyWhomItIsToldTo) {
    const Scratch scratch;
    const TlsIdentity identity =
        load_or_create_tls(scratch.path("tls.crt"), scratch.path("tls.key"), {});
    RecordingServer server{identity};
    HttpCall call = to(server.url("/"));
    const auto stranger = http_call(call, never);
    ASSERT_FALSE(stranger);
    EXPECT_THAT(stranger.error(), HasSubstr("certificate verify failed"));
    EXPECT_TRUE(server.requests().empty()) << "nothing is sent to a stranger";

    call.ca = scratch.path("tls.crt");
    const auto known = http_call(call, never);
    ASSERT_TRUE(known) << known.error();
    EXPECT_EQ(known->status, 200u);
    call.url.host = "127.0.0.2";
    EXPECT_FALSE(http_call(call, never)) << "another name than the certificate's";
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, HasADeadlineAndCanBeAbandoned) {
    RecordingServer server;
    server.answer({{.delay = Milliseconds{60'000}}});
    HttpCall call = to(server.url("/secret"));
    call.deadline = Milliseconds{300};
    const auto late = http_call(call, never);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error(),
              "localhost:" + std::to_string(server.port()) + " did not answer within 300 ms");
    call.deadline = Milliseconds{60'000};
    const auto abandoned = http_call(call, [] { return true; });
    ASSERT_FALSE(abandoned);
    EXPECT_THAT(abandoned.error(), HasSubstr("abandoned"));
}

TEST(HttpClient, SaysWhetherAPortAcceptsConnections) {
    std::uint16_t port = 0;
    {
        RecordingServer server;
        port = server.port();
        EXPECT_TRUE(tcp_reach("127.0.0.1", port, Milliseconds{20'000}, never));
    }
    const auto gone = tcp_reach("127.0.0.1", port, Milliseconds{20'000}, never);
    ASSERT_FALSE(gone);
    EXPECT_THAT(gone.error(), HasSubstr("refused"));
}

}  // namespace
}  // namespace vigil::edge
