#include "verifier/service/door.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <gtest/gtest.h>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "proto/edge/files.hpp"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class Visitor {
public:
    explicit Visitor(std::uint16_t port, std::uint32_t from = INADDR_LOOPBACK)
        : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in own{};
        own.sin_family = AF_INET;
        own.sin_addr.s_addr = htonl(from);
        ::bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.sin_port = htons(port);
        connected = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    }
    Visitor(Visitor&& other) noexcept
        : connected{other.connected}, socket_{std::exchange(other.socket_, -1)} {}
    ~Visitor() {
        if (socket_ >= 0) ::close(socket_);
    }
    /// As TLS does at once.
    void say_hello() const { EXPECT_EQ(::send(socket_, "hello", 5, MSG_NOSIGNAL), 5); }
    /// Hung up on, or within that time.
    bool is_gone(std::chrono::milliseconds within) const {
        pollfd end{socket_, POLLRDHUP, 0};
        return ::poll(&end, 1, static_cast<int>(within.count())) > 0;
    }
    /// As the network writes it.
    std::uint16_t port() const {
        sockaddr_in own{};
        socklen_t size = sizeof own;
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&own), &size);
        return own.sin_port;
    }
    bool connected;

private:
    int socket_;
};

TEST(Door, LetsInABurstAndThenAtItsRate) {
    constexpr int per_second = 20, burst = 3, visitors = 12;
    Door door{{.address = "127.0.0.1", .per_second = per_second, .burst = burst}};
    std::vector<Visitor> all;
    for (int i = 0; i < visitors; ++i) all.emplace_back(door.port());
    for (const Visitor& visitor : all) EXPECT_TRUE(visitor.connected) << "it waits, connected";
    const auto opened = steady_clock::now();
    std::atomic<int> inside{0};
    std::atomic<bool> too_many{false};
    door.open([&](int, int connection) {
        const std::chrono::duration<double> passed = steady_clock::now() - opened;
        too_many = too_many || ++inside > burst + 1 + passed.count() * per_second;
        ::close(connection);
    });
    EXPECT_TRUE(eventually([&] { return inside == visitors; })) << inside << " came in";
    EXPECT_FALSE(too_many);
    EXPECT_GT(steady_clock::now() - opened, (visitors - burst - 1) * 1s / per_second);
}

/// Where each connection came from that was let in, in order.
std::vector<std::uint32_t> order_of_entry(const DoorOptions& options,
                                          const std::vector<std::uint32_t>& came) {
    Door door{options};
    std::vector<Visitor> all;
    for (const std::uint32_t from : came) all.emplace_back(door.port(), from);
    std::mutex mutex;
    std::vector<std::uint32_t> order;
    door.open([&](int, int connection) {
        sockaddr_in from{};
        socklen_t size = sizeof from;
        ::getpeername(connection, reinterpret_cast<sockaddr*>(&from), &size);
        ::close(connection);
        const std::lock_guard lock{mutex};
        order.push_back(ntohl(from.sin_addr.s_addr));
    });
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock{mutex};
        return order.size() == came.size();
    }));
    door.close();
    return order;
}

TEST(Door, AddressesTakeTurns) {
    constexpr std::uint32_t crowd = INADDR_LOOPBACK, one = crowd + 1, two = crowd + 2;
    const std::vector<std::uint32_t> came{crowd, crowd, crowd, crowd, crowd, one, two};
    DoorOptions options{.address = "127.0.0.1", .per_second = 20, .burst = 1};
    EXPECT_EQ(order_of_entry(options, came),
              (std::vector{crowd, one, two, crowd, crowd, crowd, crowd}));
    options.by_address = false;
    EXPECT_EQ(order_of_entry(options, came), came);
}

TEST(Door, AddressHasItsShareWaitingAndInside) {
    constexpr std::uint32_t crowd = INADDR_LOOPBACK, other = crowd + 1;
    std::atomic<std::size_t> inside{2};
    std::atomic<int> refused{0};
    DoorOptions options{.address = "127.0.0.1", .per_second = 1, .burst = 1};
    options.of_address = 5;
    options.inside = [&](const edge::PeerAddress& of, std::size_t) -> std::size_t {
        return of == edge::mapped({127, 0, 0, 1}) ? inside.load() : 0;
    };
    options.turned_away = [&] { ++refused; };
    for (const bool limited : {true, false}) {
        options.by_address = limited;
        refused = 0;
        Door door{options};
        std::vector<Visitor> came;
        for (int i = 0; i < 8; ++i) came.emplace_back(door.port(), crowd);
        const Visitor another{door.port(), other};
        std::atomic<int> entered{0};
        door.open([&](int, int) { ++entered; });
        EXPECT_TRUE(eventually([&] { return entered == 1; }));
        EXPECT_EQ(refused, limited ? 5 : 0) << "two are inside, three wait";
        EXPECT_FALSE(came[2].is_gone(0ms));
        EXPECT_EQ(came[3].is_gone(0ms), limited);
        EXPECT_FALSE(another.is_gone(0ms));
    }
}

TEST(Door, LetsInSlowlyWhileThoseInsideHaveNotCaughtUp) {
    std::atomic<bool> crowded{true};
    Door door{{.address = "127.0.0.1", .per_second = 8, .burst = 1, .crowded = [&] {
                   return crowded.load();
               }}};
    std::atomic<int> inside{0};
    std::vector<Visitor> all;
    for (int i = 0; i < 3; ++i) all.emplace_back(door.port());
    const auto opened = steady_clock::now();
    door.open([&](int, int connection) {
        ++inside;
        ::close(connection);
    });
    EXPECT_TRUE(eventually([&] { return inside == 2; }));
    EXPECT_GT(steady_clock::now() - opened, 900ms) << "a second apart, not an eighth";
    crowded = false;
    EXPECT_TRUE(eventually([&] { return inside == 3; }));
}

TEST(Door, OneWhoGaveUpTakesNoTurn) {
    Door door{{.address = "127.0.0.1", .per_second = 1, .burst = 1}};
    for (int i = 0; i < 100; ++i) Visitor{door.port()}.say_hello();
    const Visitor stays{door.port()};
    std::promise<std::uint16_t> first;
    std::atomic<int> inside{0};
    door.open([&](int, int connection) {
        sockaddr_in from{};
        socklen_t size = sizeof from;
        ::getpeername(connection, reinterpret_cast<sockaddr*>(&from), &size);
        if (++inside == 1) first.set_value(from.sin_port);
        ::close(connection);
    });
    EXPECT_EQ(first.get_future().get(), stays.port()) << "a hundred seconds at this rate";
}

TEST(Door, KernelWatchesWhomItLetsIn) {
    Door door{{.address = "127.0.0.1", .watch = {40s, 12s}}};
    const auto option = [](int socket, int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        ::getsockopt(socket, level, name, &value, &size);
        return value;
    };
    std::promise<std::array<int, 5>> seen;
    door.open([&](int, int inside) {
        seen.set_value(
            {option(inside, SOL_SOCKET, SO_KEEPALIVE), option(inside, IPPROTO_TCP, TCP_KEEPIDLE),
             option(inside, IPPROTO_TCP, TCP_KEEPINTVL), option(inside, IPPROTO_TCP, TCP_KEEPCNT),
             option(inside, IPPROTO_TCP, TCP_USER_TIMEOUT)});
        ::close(inside);
    });
    const Visitor visitor{door.port()};
    const auto [on, idle, apart, count, unheard] = seen.get_future().get();
    EXPECT_EQ((std::array{on, apart, count, unheard}), (std::array{1, 4, 3, (idle + 12) * 1'000}));
    EXPECT_GE(idle, 40);
    EXPECT_LE(idle, 120) << "three times as long, so that not all are asked at once";
}

TEST(Door, ClosedTurnsAwayThoseWhoWait) {
    Door door{{.address = "127.0.0.1", .per_second = 1, .burst = 1}};
    std::atomic<int> inside{0};
    door.open([&](int, int connection) {
        ++inside;
        ::close(connection);
    });
    const std::uint16_t port = door.port();
    Visitor first{port}, second{port}, third{port};
    EXPECT_TRUE(eventually([&] { return inside >= 1; }));
    door.close();
    EXPECT_LT(inside, 3);
    EXPECT_FALSE(Visitor{port}.connected);
}

TEST(Door, TakenPortIsSaid) {
    const Door first{{.address = "127.0.0.1"}};
    for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
        try {
            const Door second{{.address = address, .port = first.port()}};
            ADD_FAILURE() << "the port of another was taken";
        } catch (const edge::Fatal& fatal) {
            EXPECT_EQ(fatal.code, "E-PORT");
        }
    }
    EXPECT_THROW((Door{{.address = "no such address"}}), edge::Fatal);
}

TEST(Door, ListensOnBothFamiliesWhereAllAddressesAreMeant) {
    const Door door{{.address = "0.0.0.0"}};
    EXPECT_TRUE(Visitor{door.port()}.connected);
    const int socket = ::socket(AF_INET6, SOCK_STREAM, 0);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons(door.port());
    const bool reached = ::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
    const bool has_no_ipv6 = errno == EADDRNOTAVAIL || errno == ENETUNREACH || socket < 0;
    if (socket >= 0) ::close(socket);
    if (!reached && has_no_ipv6) GTEST_SKIP() << "this machine has no IPv6";
    EXPECT_TRUE(reached);
}

TEST(Door, ThoseInsideAreServedWhileOthersWaitAndAllComeInAtLast) {
    WorldOptions options;
    options.service.connections_per_second = 2;
    options.service.connections_at_once = 1;
    World world{options};
    TestNode inside{world.connect(), 1};
    ASSERT_TRUE(inside.enrol().ok());
    TestSession session{inside};
    session.open();
    std::vector<std::unique_ptr<TestNode>> waiting;
    for (std::uint8_t seed = 2; seed < 6; ++seed) {
        waiting.push_back(std::make_unique<TestNode>(world.connect(), seed));
        waiting.back()->channel->GetState(true);  // connect
    }
    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(session.next(v1::SessionResponse::kCheck));
    for (const auto& node : waiting) EXPECT_TRUE(node->enrol().ok());
}

TEST(Door, AddressHasSoManyConnectionsWithTheServiceUntilOneEnds) {
    WorldOptions options;
    options.service.connections_of_peer = 3;
    World world{options};
    const std::uint16_t port = world.service->port();
    std::vector<std::shared_ptr<grpc::Channel>> inside;
    for (int i = 0; i < 3; ++i) {
        inside.push_back(world.connect());
        ASSERT_TRUE(inside.back()->WaitForConnected(std::chrono::system_clock::now() + 10s));
    }
    EXPECT_TRUE(Visitor{port}.is_gone(10s));
    EXPECT_EQ(world.service->stats().connections_refused, 1U);
    EXPECT_FALSE((Visitor{port, INADDR_LOOPBACK + 1}.is_gone(500ms))) << "of another address";
    for (const auto& one : inside) EXPECT_EQ(one->GetState(false), GRPC_CHANNEL_READY);
    inside.pop_back();
    EXPECT_TRUE(eventually([&] { return !Visitor{port}.is_gone(500ms); }));
}

TEST(Door, BehindAProxyNobodyIsCounted) {
    WorldOptions options;
    options.service.connections_of_peer = 3;
    options.service.limits_per_peer = false;
    World world{options};
    std::vector<Visitor> inside;
    for (int i = 0; i < 6; ++i) inside.emplace_back(world.service->port());
    EXPECT_FALSE(inside.back().is_gone(500ms));
    EXPECT_EQ(world.service->stats().connections_refused, 0U);
}

/// Two come in a second, one in four where four sessions wait for the opening thread.
WorldOptions narrow_door() {
    WorldOptions options;
    options.service.connections_per_second = 2;
    options.service.connections_at_once = 1;
    options.service.max_unopened = 64;
    options.service.open_within = 60s;
    return options;
}

/// How many come in within ten seconds of five: twenty, or two, at the door's rates.
int came_in(const World& world) {
    std::vector<std::shared_ptr<grpc::Channel>> all;
    for (int i = 0; i < 5; ++i) all.push_back(world.connect());
    for (const auto& one : all) one->GetState(true);  // connect
    const auto deadline = std::chrono::system_clock::now() + 10s;
    return static_cast<int>(std::count_if(
        all.begin(), all.end(), [&](const auto& one) { return one->WaitForConnected(deadline); }));
}

TEST(Door, StrangersWhoOpenNothingKeepNobodyOut) {
    World world{narrow_door()};
    TestNode stranger{world.connect(), 1};
    std::deque<TestSession> silent;
    for (int i = 0; i < 30; ++i) silent.emplace_back(stranger, 60s).hello();
    EXPECT_EQ(came_in(world), 5);
    EXPECT_EQ(world.service->stats().streams, silent.size()) << "they were there all the time";
}

TEST(Door, SessionsThatWaitForTheOpeningThreadComeFirst) {
    World world{narrow_door()};
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    world.clock.set(world.plan()->span.end + 1s);  // the first opening asks the store for the next
    world.store.hold_reads();
    std::deque<TestSession> opening;
    for (int i = 0; i < 6; ++i) {
        opening.emplace_back(node, 60s).hello();
        ASSERT_TRUE(opening.back().send(opening.back().opening()));
    }
    EXPECT_LT(came_in(world), 5);
    world.store.release_reads();
}

}  // namespace
}  // namespace vigil::verifier::test
