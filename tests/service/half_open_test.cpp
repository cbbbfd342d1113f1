#include <chrono>
#include <gtest/gtest.h>
#include <thread>

#include "tests/node/tcp_peer.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using node::test::TcpPeer;

WorldOptions impatient() {
    WorldOptions options;
    options.service.watch = {1s, 1s};
    return options;
}

v1::SessionRequest ping() {
    v1::SessionRequest request;
    request.mutable_ping();
    return request;
}

/// Two nodes with a session each, one of them through `way`.
struct Two {
    explicit Two(const WorldOptions& options) : world{options} {
        EXPECT_TRUE(vanishes.enrol().ok());
        EXPECT_TRUE(stays.enrol().ok());
        lost.open();
        kept.open();
        EXPECT_EQ(world.service->stats().open_sessions, 2U);
    }
    void expect_one_freed() {
        EXPECT_TRUE(eventually([&] { return world.service->stats().streams == 1; }, 8s))
            << "the stream of a peer that is gone was kept";
        EXPECT_EQ(world.service->stats().open_sessions, 1U);
        EXPECT_TRUE(kept.send(ping()));
        EXPECT_TRUE(kept.next(v1::SessionResponse::kPong)) << "silent, but there";
    }

    World world;
    TcpPeer way{TcpPeer::Manner::relays, world.service->port()};
    TestNode vanishes{world.connect({}, way.port()), 1}, stays{world.connect(), 2};
    TestSession lost{vanishes, 30s}, kept{stays, 30s};
};

TEST(HalfOpen, NodeThatVanishesIsEndedByTheKernelAndFreed) {
    Two two{impatient()};
    two.way.vanish();  // no FIN, no RST, no acknowledgement: as when a machine loses power
    two.expect_one_freed();
}

TEST(HalfOpen, OneThatVanishesWithDataUnderWayIsEndedToo) {
    Two two{impatient()};
    two.way.vanish();
    two.world.begin_fleet_check(CheckKind::hourly);
    ASSERT_TRUE(two.kept.next(v1::SessionResponse::kCheck));
    two.expect_one_freed();
}

TEST(HalfOpen, OneBehindAProxyThatStaysIsEndedBySilence) {
    WorldOptions options = impatient();
    options.service.idle_after = 3s;
    Two two{options};
    two.way.swallow();
    EXPECT_TRUE(eventually(
        [&] {
            EXPECT_TRUE(two.kept.send(ping()));
            std::this_thread::sleep_for(200ms);
            return two.world.service->stats().streams == 1;
        },
        8s));
    two.expect_one_freed();
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
