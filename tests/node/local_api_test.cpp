#include "node/local_api.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "proto/edge/http_server.hpp"

namespace vigil::node {
namespace {

using ::testing::HasSubstr;

NodeStatus connected() {
    NodeStatus status;
    status.version.assign(1, '1');
    status.connected = true;
    DeviceStatus device;
    device.label = "cpu0";
    status.devices.push_back(device);
    return status;
}

TEST(Health, FollowsDevicesAndVerifier) {
    NodeStatus status = connected();
    EXPECT_TRUE(health(status, instant_from_ms(0)).good);
    status.connected = false;
    status.trouble = "E-UNREACHABLE: gone";
    EXPECT_TRUE(health(status, instant_from_ms(299'000)).good)
        << "a restart of the verifier is no reason";
    EXPECT_FALSE(health(status, instant_from_ms(301'000)).good);
    status = connected();
    status.devices[0].state = "failing: lost";
    EXPECT_FALSE(health(status, instant_from_ms(0)).good);
    status = connected();
    status.devices[0].health.presence = vigil::health::Presence::lost;
    EXPECT_FALSE(health(status, instant_from_ms(0)).good);
    status = connected();
    status.devices[0].paused = "86 °C";
    EXPECT_TRUE(health(status, instant_from_ms(0)).good) << "the owner wanted it";
}

TEST(LocalApi, ServesStatusHealthAndMetrics) {
    Board board{connected()};
    Metrics metrics{"1", board.read().devices};
    edge::HttpServer server;
    add_routes(server, board, metrics, [] { return instant_from_ms(1000); });
    server.start("127.0.0.1", 0, "--http-port");
    const auto get = [&](const char* path) {
        return http_get("127.0.0.1", server.port(), path, Milliseconds{2000});
    };

    const auto status = get("/status");
    ASSERT_TRUE(status) << status.error();
    EXPECT_EQ(nlohmann::json::parse(status->body).at("devices").at(0).at("label"), "cpu0");
    EXPECT_THAT(get("/metrics")->body, HasSubstr("vigil_node_build_info"));
    EXPECT_EQ(get("/healthz")->status, 200u);
    EXPECT_THAT(get("/status.txt")->body, HasSubstr("cpu0"));
    const std::string page = get("/")->body;
    EXPECT_THAT(page, HasSubstr("<!doctype html>"));
    const std::size_t sheet = page.find("/assets/vigil.css");
    ASSERT_NE(sheet, std::string::npos);
    EXPECT_EQ(get(page.substr(sheet, page.find('"', sheet) - sheet).c_str())->status, 200u);
    EXPECT_EQ(get("/assets/../node.key")->status, 404u);
    EXPECT_EQ(get("/nothing")->status, 404u);
}

TEST(LocalApi, NobodyThereIsASentence) {
    const auto reply = http_get("127.0.0.1", 1, "/status", Milliseconds{1000});
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error(), HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace vigil::node
