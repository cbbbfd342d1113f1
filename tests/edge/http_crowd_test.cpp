#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <thread>
#include <vector>

#include "proto/edge/http_server.hpp"
#include "tests/edge/http_client.hpp"

namespace vigil::edge {
namespace {

constexpr const char* get_echo = "GET /echo HTTP/1.1\r\nHost: h\r\n\r\n";

class HttpCrowd : public testing::Test {
protected:
    HttpCrowd() {
        server_.route("/echo", [](const HttpRequest&) { return HttpResponse{}; });
        server_.route("/healthz", [](const HttpRequest&) { return HttpResponse{.body = "ok"}; });
        server_.keep_room_for("/healthz");
    }
    void start() { server_.start("127.0.0.1", 0, "--http-port"); }
    std::string get(const std::string& target) const {
        RawConnection connection{server_.port()};
        connection.send("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        return connection.rest();
    }

    HttpServer server_;
};

/// So many that were answered and stay.
std::vector<RawConnection> served(const HttpServer& server, int count,
                                  std::uint32_t to = INADDR_LOOPBACK) {
    std::vector<RawConnection> held;
    for (int i = 0; i < count; ++i) {
        RawConnection& connection = held.emplace_back(server.port(), to);
        connection.send(get_echo);
        EXPECT_EQ(status_of(connection.response()), 200U) << i;
    }
    return held;
}

TEST_F(HttpCrowd, BeyondItsConnectionsSaysBusy) {
    server_.be_patient(std::chrono::minutes{10});  // however slow this machine is
    start();
    auto held = served(server_, 192);  // of this machine
    EXPECT_EQ(status_of(get("/echo")), 503U);
    held.back().send(get_echo);
    EXPECT_EQ(status_of(held.back().response()), 200U);
    held.clear();
    unsigned status = 0;
    for (int i = 0; i < 100 && status != 200; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        status = status_of(get("/echo"));
    }
    EXPECT_EQ(status, 200U);
}

TEST_F(HttpCrowd, WhoAsksWhetherItLivesIsAnsweredBesideAnyCrowd) {
    server_.be_patient(std::chrono::minutes{10});  // however slow this machine is
    start();
    const auto held = served(server_, 192);
    std::vector<RawConnection> silent;
    for (int i = 0; i < 100; ++i) {
        silent.emplace_back(server_.port());
        EXPECT_EQ(i % 10 == 0 ? body_of(get("/healthz")) : "ok", "ok") << i;
    }
    EXPECT_EQ(status_of(get("/echo")), 503U);
    RawConnection twice{server_.port()};
    twice.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(body_of(twice.response()), "ok");
    EXPECT_TRUE(twice.closed_by_server()) << "a spare place is for one request";
}

TEST_F(HttpCrowd, WhoAsksWhetherItLivesWaitsForNoPage) {
    std::atomic<int> begun{0};
    std::promise<void> go;
    server_.route("/page", [&begun, wait = go.get_future().share()](const HttpRequest&) {
        ++begun;
        wait.wait();
        return HttpResponse{};
    });
    start();
    std::vector<std::future<std::string>> pages;
    for (int i = 0; i < 8; ++i)
        pages.push_back(std::async(std::launch::async, [&] { return get("/page"); }));
    while (begun < 4) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    EXPECT_EQ(body_of(get("/healthz")), "ok");
    go.set_value();
    for (auto& page : pages) EXPECT_EQ(status_of(page.get()), 200U);
}

TEST_F(HttpCrowd, WhoWaitedLongestGivesItsPlaceUp) {
    start();
    auto held = served(server_, 192);
    std::this_thread::sleep_for(std::chrono::milliseconds{3'100});
    held.front().send(get_echo);
    EXPECT_EQ(status_of(held.front().response()), 200U);
    EXPECT_EQ(status_of(get("/echo")), 200U);
    EXPECT_TRUE(held[1].closed_by_server());
    for (RawConnection* stays : {&held.front(), &held[2], &held.back()}) {
        stays->send(get_echo);
        EXPECT_EQ(status_of(stays->response()), 200U);
    }
}

/// IPv4, of this machine, that is not 127...; 0: it has none.
std::uint32_t own_address() {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0) return 0;
    std::uint32_t found = 0;
    for (const ifaddrs* at = all; at; at = at->ifa_next)
        if (at->ifa_addr && at->ifa_addr->sa_family == AF_INET && !(at->ifa_flags & IFF_LOOPBACK))
            found = ntohl(reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr.s_addr);
    ::freeifaddrs(all);
    return found;
}

TEST_F(HttpCrowd, AddressHasAShare) {
    const std::uint32_t own = own_address();
    if (own == 0) GTEST_SKIP() << "SKIPPED: this machine has no address but 127.0.0.1";
    for (const bool limited : {true, false}) {
        HttpServer server;
        server.route("/echo", [](const HttpRequest&) { return HttpResponse{}; });
        server.limit_addresses(limited);
        server.start("0.0.0.0", 0, "--http-port");
        const auto held = served(server, limited ? 64 : 128, own);
        RawConnection one_more{server.port(), own}, other{server.port()};
        for (RawConnection* connection : {&one_more, &other}) connection->send(get_echo);
        EXPECT_EQ(status_of(one_more.response()), limited ? 503U : 200U);
        EXPECT_EQ(status_of(other.response()), 200U);
    }
}

}  // namespace
}  // namespace vigil::edge
