#include <gtest/gtest.h>
#include <vector>

#include "proto/edge/http_server.hpp"
#include "tests/edge/http_client.hpp"

namespace vigil::edge {
namespace {

constexpr const char* ask = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";

struct EventChannelTest : testing::Test {
    EventChannelTest() {
        server.events("/events");
        server.start("127.0.0.1", 0, "--http-port");
    }
    HttpServer server;
};

TEST_F(EventChannelTest, AListenerHearsTheLatestAndWhatComes) {
    server.publish("/events", "{\"n\":1}");
    RawConnection connection{server.port()};
    connection.send(ask);
    const std::string beginning = connection.through("data: {\"n\":1}\n\n");
    EXPECT_NE(beginning.find("Content-Type: text/event-stream\r\n"), std::string::npos);
    EXPECT_NE(beginning.find("Content-Security-Policy: default-src 'self'"), std::string::npos);
    server.publish("/events", "a\nb");
    EXPECT_EQ(connection.through("\n\n"), "data: ab\n\n") << "one event stays one";
}

TEST_F(EventChannelTest, ListenersAreCountedAndTheRestIsRefused) {
    std::vector<RawConnection> listening;
    for (int i = 0; i < 64; ++i) {
        listening.emplace_back(server.port()).send(ask);
        EXPECT_NE(listening.back().through("retry: 5000\n\n"), "");
    }
    RawConnection one_more{server.port()};
    one_more.send(ask);
    EXPECT_EQ(status_of(one_more.response()), 503U);
}

TEST_F(EventChannelTest, OneThatDoesNotReadHoldsUpNobody) {
    RawConnection idle{server.port()}, reader{server.port()};
    idle.send(ask);
    reader.send(ask);
    EXPECT_NE(reader.through("retry: 5000\n\n"), "");
    const std::string large(256 * 1024, 'x');
    for (int i = 0; i < 100; ++i) server.publish("/events", large);
    server.publish("/events", "last");
    EXPECT_NE(reader.through("data: last\n\n"), "");
}

}  // namespace
}  // namespace vigil::edge
