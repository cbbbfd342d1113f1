#include "verifier/service/connections.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <deque>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

template <class Address>
struct Loopback;
template <>
struct Loopback<sockaddr_in> {
    static sockaddr_in any() {
        return {.sin_family = AF_INET,
                .sin_port = 0,
                .sin_addr = {htonl(INADDR_LOOPBACK)},
                .sin_zero = {}};
    }
    static std::string uri(const sockaddr_in& at) {
        return "ipv4:127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
};
template <>
struct Loopback<sockaddr_in6> {
    static sockaddr_in6 any() {
        return {.sin6_family = AF_INET6,
                .sin6_port = 0,
                .sin6_flowinfo = 0,
                .sin6_addr = in6addr_loopback,
                .sin6_scope_id = 0};
    }
    static std::string uri(const sockaddr_in6& at) {
        return "ipv6:%5B::1%5D:" + std::to_string(ntohs(at.sin6_port));
    }
};

/// A connection of this machine with itself, whose server's end is looked after.
template <class Address = sockaddr_in>
class Pair {
public:
    explicit Pair(Address at = Loopback<Address>::any(), Address from = Loopback<Address>::any()) {
        socklen_t size = sizeof at;
        auto* const place = reinterpret_cast<sockaddr*>(&at);
        const int listener = ::socket(place->sa_family, SOCK_STREAM, 0);
        client_ = ::socket(place->sa_family, SOCK_STREAM, 0);
        const int shared = 1;  // the port, with whoever else connects from it to another address
        ::setsockopt(client_, SOL_SOCKET, SO_REUSEADDR, &shared, sizeof shared);
        auto* const own = reinterpret_cast<sockaddr*>(&from);
        made_ = ::bind(listener, place, size) == 0 && ::listen(listener, 1) == 0 &&
                ::getsockname(listener, place, &size) == 0 && ::bind(client_, own, size) == 0 &&
                ::connect(client_, place, size) == 0 && ::getsockname(client_, own, &size) == 0;
        server = made_ ? ::accept(listener, nullptr, nullptr) : -1;
        ::close(listener);
        name = from;
        uri = Loopback<Address>::uri(from);
    }
    ~Pair() {
        ::close(client_);
        ::close(server);
    }
    Pair(const Pair&) = delete;

    bool made() const { return made_; }
    bool ended() const {
        pollfd end{client_, POLLRDHUP, 0};
        return ::poll(&end, 1, 0) > 0;
    }
    void say() const { EXPECT_EQ(::send(client_, "x", 1, MSG_NOSIGNAL), 1); }

    int server = -1;
    Address name{};  ///< of the client
    std::string uri;

private:
    int client_ = -1;
    bool made_ = false;
};

TEST(Connections, WhatIsSilentAndCarriesNoStreamIsEnded) {
    Connections connections{200ms};
    Pair silent, carries, speaks;
    for (const Pair<>* pair : {&silent, &carries, &speaks}) connections.came(pair->server);
    auto stream = connections.hold(carries.uri);
    ASSERT_TRUE(stream) << carries.uri;
    connections.end_idle(steady_clock::now());
    EXPECT_FALSE(silent.ended()) << "not yet";
    std::this_thread::sleep_for(250ms);
    speaks.say();
    connections.end_idle(steady_clock::now());
    EXPECT_TRUE(silent.ended());
    EXPECT_FALSE(carries.ended());
    EXPECT_FALSE(speaks.ended());
    stream.reset();
    connections.end_idle(steady_clock::now());
    EXPECT_FALSE(carries.ended()) << "it may open another one";
    std::this_thread::sleep_for(250ms);
    connections.end_idle(steady_clock::now());
    EXPECT_TRUE(carries.ended());
    EXPECT_TRUE(speaks.ended());
    EXPECT_EQ(connections.size(), 0U);
}

TEST(Connections, SeveralStreamsAreOne) {
    Connections connections{0ms};
    Pair pair;
    connections.came(pair.server);
    auto one = connections.hold(pair.uri), other = connections.hold(pair.uri);
    one.reset();
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_FALSE(pair.ended());
    other.reset();
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_TRUE(pair.ended());
}

/// The kernel, and a NAT, give a port to several connections that go to different addresses.
TEST(Connections, TwoThatGrpcCallsByOneNameAreBothHeld) {
    Connections connections{0ms};
    const Pair first;
    sockaddr_in other_address = Loopback<sockaddr_in>::any();
    other_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    const Pair second{other_address, first.name};
    ASSERT_TRUE(first.made() && second.made());
    ASSERT_EQ(first.uri, second.uri);
    connections.came(first.server);
    auto stream = connections.hold(first.uri);
    connections.came(second.server);
    auto another = connections.hold(second.uri);
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_FALSE(first.ended());
    EXPECT_FALSE(second.ended());
    stream.reset();
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_FALSE(second.ended());
    another.reset();
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_TRUE(first.ended());
    EXPECT_TRUE(second.ended());
    EXPECT_EQ(connections.size(), 0U);
}

TEST(Connections, OfAnAddressAreCountedWithoutThoseThatAreGone) {
    Connections connections{1h};
    const edge::PeerAddress here = edge::mapped({127, 0, 0, 1});
    constexpr std::size_t limit = 40;
    std::deque<Pair<>> pairs(limit);
    for (const Pair<>& pair : pairs) connections.came(pair.server);
    const auto held = connections.hold(pairs.front().uri);
    EXPECT_EQ(connections.of(here, limit), limit);
    EXPECT_EQ(connections.of(edge::mapped({127, 0, 0, 2}), limit), 0U);
    pairs.erase(pairs.begin(), pairs.begin() + 3);
    EXPECT_EQ(connections.of(here, limit + 1), limit) << "not looked for";
    for (int i = 0; i < 3; ++i) connections.of(here, limit);
    EXPECT_LT(connections.of(here, limit), limit) << "looked for, a few at a time";
    for (int i = 0; i < 3; ++i) connections.of(here, 1);
    EXPECT_EQ(connections.of(here, 1), limit - 3);
    pairs.clear();
    for (int i = 0; i < 3; ++i) connections.of(here, 1);
    EXPECT_EQ(connections.of(here, 1), 0U);
    EXPECT_EQ(connections.size(), 0U);
}

TEST(Connections, WhoGotTheNumberOfOneThatIsGoneIsLeftAlone) {
    Connections connections{0ms};
    auto gone = std::make_unique<Pair<>>();
    connections.came(gone->server);
    Pair next;
    ASSERT_EQ(::dup2(next.server, gone->server), gone->server);
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_FALSE(next.ended());
    EXPECT_EQ(connections.size(), 0U) << "and nothing is kept of the one that is gone";
}

TEST(Connections, StreamsOverIpv6AreFound) {
    Connections connections{0ms};
    Pair<sockaddr_in6> pair;
    if (!pair.made()) GTEST_SKIP() << "SKIPPED: this machine has no ::1";
    connections.came(pair.server);
    const auto stream = connections.hold(pair.uri);
    ASSERT_TRUE(stream);
    connections.end_idle(steady_clock::now() + 1h);
    EXPECT_FALSE(pair.ended());
}

TEST(Connections, OfTheServiceAreEndedWithoutAStreamAndNotWithOne) {
    namespace health = grpc::health::v1;
    WorldOptions options;
    options.service.idle_connection = 300ms;
    World world{options};
    TestNode polls{world.connect(), 1}, streams{world.connect(), 2};
    ASSERT_TRUE(polls.enrol().ok());
    ASSERT_TRUE(streams.enrol().ok());
    const auto watching = world.connect();
    const auto stub = health::Health::NewStub(watching);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    const auto watched = stub->Watch(&context, {});
    health::HealthCheckResponse told;
    ASSERT_TRUE(watched->Read(&told));
    {
        TestSession session{streams, 20s};
        session.open();
        EXPECT_TRUE(
            eventually([&] { return polls.channel->GetState(false) != GRPC_CHANNEL_READY; }, 10s));
        std::this_thread::sleep_for(2s);  // a look a second
        world.begin_fleet_check(CheckKind::hourly);
        EXPECT_TRUE(session.next(v1::SessionResponse::kCheck));
    }
    EXPECT_EQ(watching->GetState(false), GRPC_CHANNEL_READY);
    EXPECT_TRUE(
        eventually([&] { return streams.channel->GetState(false) != GRPC_CHANNEL_READY; }, 10s));
    EXPECT_TRUE(polls.open_checks().size() > 0) << "who comes back is served";
    context.TryCancel();
    watched->Finish();
}

}  // namespace
}  // namespace vigil::verifier::test
