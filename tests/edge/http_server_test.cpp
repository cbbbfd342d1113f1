#include "proto/edge/http_server.hpp"

#include <atomic>
#include <barrier>
#include <fmt/format.h>
#include <future>
#include <gmock/gmock.h>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/edge/http_client.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Clock = std::chrono::steady_clock;

constexpr const char* get_echo = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";

class HttpServerTest : public testing::Test {
protected:
    HttpServerTest() {
        server_.route("/echo", [this](const HttpRequest& request) {
            ++asked_;
            return HttpResponse{.body = fmt::format("{} {} [{}] {} {}", request.method,
                                                    request.path, request.query,
                                                    request.body.size(), request.content_type)};
        });
        server_.route("/throws", [](const HttpRequest&) -> HttpResponse {
            throw std::runtime_error{"a secret reason"};
        });
        server_.route("/throws-an-int", [](const HttpRequest&) -> HttpResponse { throw 1; });
        server_.route("/json", [](const HttpRequest&) {
            return HttpResponse{.status = 201,
                                .content_type = "application/json",
                                .body = "{}",
                                .headers = {{"ETag", "\"x\""}}};
        });
        server_.route("/big", [](const HttpRequest&) {
            return HttpResponse{.body = std::string(20'000'000, 'b')};
        });
        for (const char* path : {"/a*", "/a/b/*", "/a/b/exact", "/a/b"})
            server_.route(path, [path](const HttpRequest&) { return HttpResponse{.body = path}; });
    }
    void start() { server_.start("127.0.0.1", 0, "--http-port"); }
    std::string ask(const std::string& bytes) const {
        RawConnection connection{server_.port()};
        connection.send(bytes);
        connection.end();
        return connection.rest();
    }
    std::string get(const std::string& target) const {
        return ask("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    }

    std::atomic<int> asked_ = 0;
    HttpServer server_;
};

TEST_F(HttpServerTest, HandsTheRequestToItsRoute) {
    start();
    EXPECT_EQ(body_of(get("/echo?a=1&b=%20?c")), "GET /echo [a=1&b=%20?c] 0 ");
    EXPECT_EQ(body_of(ask("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
                          "Content-Length: 5\r\nConnection: close\r\n\r\nhello")),
              "POST /echo [] 5 application/json");
    EXPECT_EQ(body_of(ask("POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                          "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")),
              "POST /echo [] 5 ");
    EXPECT_THAT(get("/json"), AllOf(HasSubstr("HTTP/1.1 201 Created\r\n"),
                                    HasSubstr("Content-Type: application/json\r\n"),
                                    HasSubstr("ETag: \"x\"\r\n"), HasSubstr("\r\n\r\n{}")));
    EXPECT_EQ(status_of(ask("GET /echo HTTP/1.0\r\n\r\n")), 200U);
}

TEST_F(HttpServerTest, TakesTheLongestMatch) {
    start();
    EXPECT_EQ(body_of(get("/a")), "/a*");
    EXPECT_EQ(body_of(get("/abc")), "/a*");
    EXPECT_EQ(body_of(get("/a/b")), "/a/b");
    EXPECT_EQ(body_of(get("/a/b/")), "/a/b/*");
    EXPECT_EQ(body_of(get("/a/b/exact")), "/a/b/exact");
    EXPECT_EQ(body_of(get("/a/b/exactly?q")), "/a/b/*");
    EXPECT_EQ(status_of(get("/")), 404U);
    EXPECT_EQ(status_of(get("/Echo")), 404U);
}

TEST_F(HttpServerTest, EveryResponseHasTheSecurityHeaders) {
    start();
    for (const std::string& response :
         {get("/echo"), get("/none"), get("/throws"), ask("nonsense\r\n\r\n"),
          ask("PUT / HTTP/1.1\r\nHost: h\r\n\r\n"),
          ask("GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n")})
        EXPECT_THAT(response, AllOf(HasSubstr("Content-Security-Policy: default-src 'self'"),
                                    HasSubstr("X-Content-Type-Options: nosniff\r\n"),
                                    HasSubstr("Referrer-Policy: no-referrer\r\n")));
}

TEST_F(HttpServerTest, RefusesBadRequests) {
    start();
    const std::string host = "Host: h\r\n", long_field = "X: " + std::string(8200, 'x') + "\r\n";
    const struct {
        std::string what, bytes;
        unsigned status;
    } cases[] = {
        {"no HTTP", "hello\r\n\r\n", 400},
        {"TLS on a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
         400},
        {"an empty line first", "\r\nGET /echo HTTP/1.1\r\n" + host + "\r\n", 400},
        {"no target", "GET HTTP/1.1\r\n" + host + "\r\n", 400},
        {"a target that is no path", "GET echo HTTP/1.1\r\n" + host + "\r\n", 400},
        {"an absolute target", "GET http://h/echo HTTP/1.1\r\n" + host + "\r\n", 400},
        {"a control byte in the target", "GET /\x01 HTTP/1.1\r\n" + host + "\r\n", 400},
        {"HTTP/2", "GET /echo HTTP/2.0\r\n" + host + "\r\n", 400},
        {"no host", "GET /echo HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET /echo HTTP/1.1\r\n" + host + host + "\r\n", 400},
        {"a field without a colon", "GET /echo HTTP/1.1\r\n" + host + "X\r\n\r\n", 400},
        {"a space before the colon", "GET /echo HTTP/1.1\r\n" + host + "X : y\r\n\r\n", 400},
        {"a length that is no number",
         "POST /echo HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
        {"two lengths",
         "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         400},
        {"a length and chunks",
         "POST /echo HTTP/1.1\r\n" + host +
             "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"a bad chunk",
         "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"a long header", "GET /echo HTTP/1.1\r\n" + host + long_field + "\r\n", 431},
        {"an endless header", "GET /" + std::string(100'000, 'x'), 431},
        {"a body over 1 MiB", "POST /echo HTTP/1.1\r\n" + host + "Content-Length: 1048577\r\n\r\n",
         413},
        {"chunks over 1 MiB",
         "POST /echo HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" +
             std::string(0x100001, 'c') + "\r\n0\r\n\r\n",
         413},
        {"PUT", "PUT /echo HTTP/1.1\r\n" + host + "\r\n", 405},
        {"DELETE of nothing", "DELETE /none HTTP/1.1\r\n" + host + "\r\n", 405},
        {"OPTIONS", "OPTIONS * HTTP/1.1\r\n" + host + "\r\n", 405},
        {"CONNECT", "CONNECT h:1 HTTP/1.1\r\n" + host + "\r\n", 405},
        {"a method of their own", "BREW /echo HTTP/1.1\r\n" + host + "\r\n", 405},
    };
    for (const auto& test : cases) EXPECT_EQ(status_of(ask(test.bytes)), test.status) << test.what;
    EXPECT_EQ(asked_, 0);
    EXPECT_EQ(status_of(get("/echo")), 200U);
}

TEST_F(HttpServerTest, SaysWhichMethodsItAllows) {
    start();
    EXPECT_THAT(ask("PUT /echo HTTP/1.1\r\nHost: h\r\n\r\n"),
                HasSubstr("Allow: GET, HEAD, POST\r\n"));
}

TEST_F(HttpServerTest, TakesABodyOfOneMebibyte) {
    start();
    const std::string body(1024 * 1024, 'x');
    const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
    EXPECT_EQ(body_of(ask(head + "Content-Length: 1048576\r\n\r\n" + body)),
              "POST /echo [] 1048576 ");
}

TEST_F(HttpServerTest, TellsAClientThatWaitsToGoOn) {
    start();
    RawConnection connection{server_.port()};
    connection.send(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
        "Expect: 100-continue\r\n\r\n");
    EXPECT_EQ(status_of(connection.response(false)), 100U);
    connection.send("ab");
    EXPECT_EQ(body_of(connection.response()), "POST /echo [] 2 ");
}

TEST_F(HttpServerTest, AnswersHeadWithHeadersOnly) {
    start();
    RawConnection connection{server_.port()};
    connection.send("HEAD /json HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string head = connection.response(false);
    EXPECT_EQ(status_of(head), 201U);
    EXPECT_THAT(head, HasSubstr("Content-Length: 2\r\n"));
    connection.send(get_echo);
    EXPECT_THAT(connection.response(), HasSubstr("HTTP/1.1 200 OK")) << "a body came after HEAD";
}

TEST_F(HttpServerTest, KeepsAConnection) {
    start();
    RawConnection connection{server_.port()};
    for (int i = 0; i < 100; ++i) {
        connection.send(get_echo);
        EXPECT_EQ(status_of(connection.response()), 200U);
    }
    connection.send(std::string{get_echo} + get_echo + "GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(connection.response()), 200U);
    EXPECT_EQ(status_of(connection.response()), 200U);
    EXPECT_EQ(status_of(connection.response()), 404U);
    connection.send("GET /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(connection.response()), 200U);
    EXPECT_TRUE(connection.closed_by_server());
    EXPECT_EQ(asked_, 103);
}

TEST_F(HttpServerTest, ARouteThatThrowsIsA500ThatKeepsItsReasonToItself) {
    start();
    for (const char* path : {"/throws", "/throws-an-int"}) {
        const std::string response = get(path);
        EXPECT_EQ(status_of(response), 500U);
        EXPECT_THAT(response, Not(HasSubstr("secret")));
    }
    EXPECT_EQ(status_of(get("/echo")), 200U);
}

TEST_F(HttpServerTest, RunsSeveralRoutesAtATime) {
    std::barrier both{2};
    server_.route("/meet", [&](const HttpRequest&) {
        both.arrive_and_wait();
        return HttpResponse{};
    });
    start();
    auto first = std::async(std::launch::async, [&] { return status_of(get("/meet")); });
    EXPECT_EQ(status_of(get("/meet")), 200U);
    EXPECT_EQ(first.get(), 200U);
}

TEST_F(HttpServerTest, SendsALargeBodyWhole) {
    start();
    EXPECT_EQ(body_of(get("/big")), std::string(20'000'000, 'b'));
}

TEST_F(HttpServerTest, EndsSlowAndIdleConnections) {
    start();
    const auto start_time = Clock::now();
    const auto ended_after = [&](std::string bytes, std::string trickle) {
        return std::async(std::launch::async, [=, this] {
            RawConnection connection{server_.port()};
            connection.send(bytes);
            std::jthread drip{[&](const std::stop_token& stop) {
                while (!stop.stop_requested() && !trickle.empty()) {
                    std::this_thread::sleep_for(std::chrono::milliseconds{500});
                    connection.send(trickle);
                }
            }};
            connection.rest();
            return Clock::now() - start_time;
        });
    };
    auto half = ended_after("GET /echo HTTP/1.1\r\nHo", "");
    auto dripped = ended_after("GET /echo HTTP/1.1\r\n", "X: y\r\n");
    auto body =
        ended_after("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n", "x");
    auto silent = ended_after("", ""), idle = ended_after(get_echo, "");
    for (auto* slow : {&half, &dripped, &silent}) {
        const auto after = slow->get();
        EXPECT_GE(after, seconds{4});
        EXPECT_LE(after, seconds{9});
    }
    const auto uploaded = body.get();
    EXPECT_GE(uploaded, seconds{9});
    EXPECT_LE(uploaded, seconds{20});
    const auto after = idle.get();
    EXPECT_GE(after, seconds{29});
    EXPECT_LE(after, seconds{40});
    EXPECT_EQ(asked_, 1);
}

TEST_F(HttpServerTest, APortThatIsTakenIsNamedWithItsFlag) {
    start();
    HttpServer second;
    EXPECT_THAT(fatal("E-PORT", [&] { second.start("127.0.0.1", server_.port(), "--http-port"); }),
                AllOf(HasSubstr("127.0.0.1"), HasSubstr(std::to_string(server_.port())),
                      HasSubstr("--http-port")));
    HttpServer third;
    EXPECT_THAT(fatal("E-PORT", [&] { third.start("not-an-address", 0, "--http-port"); }),
                HasSubstr("not-an-address"));
    EXPECT_THAT(fatal("E-PORT", [&] { third.start("192.0.2.1", 0, "--http-port"); }),
                HasSubstr("192.0.2.1"));
}

TEST_F(HttpServerTest, StopsWaitsForRoutesAndFreesThePort) {
    std::promise<void> entered;
    std::atomic<bool> finished = false;
    server_.route("/slow", [&](const HttpRequest&) {
        entered.set_value();
        std::this_thread::sleep_for(std::chrono::milliseconds{300});
        finished = true;
        return HttpResponse{};
    });
    start();
    RawConnection idle{server_.port()}, busy{server_.port()};
    busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
    entered.get_future().wait();
    server_.stop();
    EXPECT_TRUE(finished);
    server_.stop();
    HttpServer next;
    next.start("127.0.0.1", server_.port(), "--http-port");
}

TEST(HttpServer, NeverStartedStops) {
    HttpServer server;
    server.route("/", [](const HttpRequest&) { return HttpResponse{}; });
}

}  // namespace
}  // namespace vigil::edge
