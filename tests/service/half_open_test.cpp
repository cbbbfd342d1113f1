#include <chrono>
#include <gtest/gtest.h>

#include "tests/node/tcp_peer.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using node::test::TcpPeer;

WorldOptions impatient() {
    WorldOptions options;
    options.service.keepalive = options.service.keepalive_timeout = 1s;
    return options;
}

TEST(HalfOpen, NodeThatVanishesIsEndedByKeepaliveAndFreed) {
    World world{impatient()};
    TcpPeer way{TcpPeer::Manner::relays, world.service->port()};
    TestNode vanishes{world.connect({}, way.port()), 1}, stays{world.connect(), 2};
    ASSERT_TRUE(vanishes.enrol().ok());
    ASSERT_TRUE(stays.enrol().ok());
    TestSession lost{vanishes}, kept{stays};
    lost.open();
    kept.open();
    ASSERT_EQ(world.service->stats().open_sessions, 2U);
    way.swallow();  // no FIN, no RST: as when a machine loses power
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }))
        << "the stream of a peer that is gone was kept";
    EXPECT_EQ(world.service->stats().open_sessions, 1U);
    EXPECT_TRUE(kept.send([] {
        v1::SessionRequest ping;
        ping.mutable_ping();
        return ping;
    }()));
    EXPECT_TRUE(kept.next(v1::SessionResponse::kPong)) << "silent, but there";
}

TEST(HalfOpen, OneThatNeverOpensItsSessionIsEndedByItsTimeLimit) {
    WorldOptions options;
    options.service.open_within = 500ms;
    World world{options};
    TcpPeer way{TcpPeer::Manner::relays, world.service->port()};
    TestNode vanishes{world.connect({}, way.port()), 1};
    TestSession lost{vanishes};
    lost.hello();
    way.swallow();
    // The status cannot be delivered; the stream is dropped when that has taken too long.
    EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 0; }, 15s));
}

}  // namespace
}  // namespace vigil::verifier::test
