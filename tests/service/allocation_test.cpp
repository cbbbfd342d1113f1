// What an answer and an idle session allocate. A program of its own, because it counts every `new`.
#include <arpa/inet.h>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>
#include <numeric>
#include <sys/socket.h>
#include <unistd.h>

#include "core/uptime/judge.hpp"
#include "proto/wire.hpp"
#include "tests/service/world.hpp"
#include "verifier/service/network_thread.hpp"

namespace {

// Of this thread: the verifier's others go on meanwhile.
thread_local std::size_t allocations = 0;
thread_local std::ptrdiff_t bytes_held = 0;

}  // namespace

void* operator new(std::size_t size) {
    void* const made = std::malloc(size);
    if (!made) throw std::bad_alloc{};
    ++allocations;
    bytes_held += static_cast<std::ptrdiff_t>(::malloc_usable_size(made));
    return made;
}
void operator delete(void* made) noexcept {
    if (made) bytes_held -= static_cast<std::ptrdiff_t>(::malloc_usable_size(made));
    std::free(made);
}
void operator delete(void* made, std::size_t) noexcept { operator delete(made); }

namespace vigil::verifier::test {
namespace {

constexpr double session_most = 4'096;   ///< bytes of an idle one, beside gRPC's
constexpr std::size_t answer_most = 32;  ///< allocations

/// From the bytes on the wire to the verdict, but for the store and the schedule.
std::size_t allocations_of_an_answer(std::uint32_t nonces) {
    Proof proof;
    proof.nonces.resize(nonces);
    std::iota(proof.nonces.begin(), proof.nonces.end(), std::uint64_t{1});
    const std::string bytes = wire::to_proto(wire::SignedAnswer{{{proof}}, {}}).SerializeAsString();
    const Check check{.device = {},
                      .kind = CheckKind::roll_call,
                      .ref = 1,
                      .challenge = {},
                      .start = instant_from_ms(0),
                      .deadline = instant_from_ms(20'000),
                      .k = nonces,
                      .theta = Ppm{700'000}};
    const std::size_t before = allocations;
    v1::SignedAnswer message;
    EXPECT_TRUE(message.ParseFromString(bytes));
    const auto answer = wire::answer_from_proto(message);
    const ByteVector text = signed_bytes({}, answer->answer);
    static_cast<void>(answer_id(text));
    const Judgement judged =
        judge(check, answer->answer.proofs[0].nonces, instant_from_ms(10'000), 0);
    EXPECT_EQ(judged.verdict, Verdict::passed);
    return allocations - before;
}

TEST(Allocations, OfAnAnswerDoNotGrowWithItsNonces) {
    allocations_of_an_answer(256);  // what is made once
    const std::size_t small = allocations_of_an_answer(256),
                      large = allocations_of_an_answer(4'096);
    RecordProperty("nonces_256", static_cast<int>(small));
    RecordProperty("nonces_4096", static_cast<int>(large));
    EXPECT_LE(small, answer_most);
    EXPECT_LE(large, answer_most) << small << " with a sixteenth of the nonces";
}

/// Bytes that each of many keeps, as the allocator rounds them.
template <class Make>
double bytes_each(const Make& make) {
    constexpr std::size_t many = 256;
    const std::ptrdiff_t before = bytes_held;
    std::vector<decltype(make(std::size_t{}))> kept;
    for (std::size_t i = 0; i < many; ++i) kept.push_back(make(i));
    return static_cast<double>(bytes_held - before) / many;
}

/// What the library needs for any stream.
struct BareStream {
    grpc::ServerContext context;
    grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream{&context};
};

/// A connected socket of this machine, of which the server's end is looked after.
struct Connected {
    Connected() {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const place = reinterpret_cast<sockaddr*>(&at);
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        if (::bind(listener, place, size) || ::listen(listener, 1) ||
            ::getsockname(listener, place, &size) || ::connect(client, place, size))
            throw std::runtime_error{"no connection of this machine with itself"};
        server = ::accept(listener, place, &size);
        ::close(listener);
        peer = "ipv4:127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
    ~Connected() {
        ::close(client);
        ::close(server);
    }
    Connected(const Connected&) = delete;

    int client = ::socket(AF_INET, SOCK_STREAM, 0), server = -1;
    std::string peer;
};

TEST(Allocations, OfAnIdleSessionFitFourKilobytesBesideTheLibrarys) {
    World world;
    Parts parts{{},
                world.store,
                world.roster,
                world.schedule,
                world.answers,
                [&] { return world.clock.now(); },
                {}};
    NodeRpc rpc{parts};
    grpc::ServerBuilder builder;
    const auto thread = std::make_shared<NetworkThread>(
        parts, rpc, std::vector<NetworkThread::Listen>{}, builder.AddCompletionQueue());

    const double stream = bytes_each([](auto) { return std::make_unique<BareStream>(); });
    const double session =
        bytes_each([&](std::size_t i) { return std::make_unique<Session>(parts, *thread, i); });
    // Where its thread and the service keep it: as NetworkThread and Session do.
    std::unordered_map<std::uint64_t, std::unique_ptr<Session>> by_id;
    DueTimes<Session::SteadyTime> looks;
    DueTimes<Instant> calibrations;
    std::vector<std::unique_ptr<Connected>> sockets;
    for (int i = 0; i < 256; ++i) sockets.push_back(std::make_unique<Connected>());
    const double places = bytes_each([&](std::size_t i) {
        by_id.emplace(i, nullptr);
        looks.set(i, std::chrono::steady_clock::now());
        calibrations.set(i, world.clock.now());
        NodeId node;
        node.bytes[0] = static_cast<std::uint8_t>(i);
        parts.switchboard.connect(node, {thread, i});
        parts.connections.came(sockets[i]->server);
        return parts.connections.hold(sockets[i]->peer);
    });
    const double own = session - stream + places;
    RecordProperty("session_bytes", std::to_string(own));
    EXPECT_GT(session, stream);
    EXPECT_GT(places, 300) << "it is kept nowhere";
    EXPECT_LE(own, session_most) << session << " with " << stream << " of a bare stream, and "
                                 << places << " where it is kept";
    std::printf("%.0f bytes of an idle session are the verifier's own\n", own);
    parts.switchboard.clear();
}

}  // namespace
}  // namespace vigil::verifier::test
