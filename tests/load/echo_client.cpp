#include <atomic>
#include <memory>
#include <stdexcept>

#include "tests/load/echo.hpp"

namespace vigil::load {
namespace {

using namespace std::chrono_literals;

grpc::ByteBuffer message_of(std::size_t size) {
    const grpc::Slice slice{std::string(size, 'e')};
    return {&slice, 1};
}

struct Player {
    Loop& loop;
    std::unique_ptr<ByteStream> stream;
    bool ended = false;
};

}  // namespace

EchoFigures measure_echo(const EchoLoad& load, const Process& server) {
    std::vector<std::unique_ptr<Loop>> loops;
    for (unsigned i = 0; i < load.threads; ++i) loops.push_back(std::make_unique<Loop>());
    std::atomic<std::uint64_t> replies{0}, connected{0}, ended{0};
    std::atomic<bool> stopping{false};
    const grpc::ByteBuffer message = message_of(load.message_bytes);
    const auto first_connect = Steady::now();
    std::vector<std::unique_ptr<Player>> players;
    for (std::size_t i = 0; i < load.connections; ++i) {
        Loop& loop = *loops[i % loops.size()];
        players.push_back(std::make_unique<Player>(Player{loop, nullptr}));
        Player& player = *players.back();
        player.stream = std::make_unique<ByteStream>(
            loop, connect(load.target), "/vigil.load.Echo/Stream",
            ByteStream::Events{[&player, &replies, &connected, &stopping, &message, &load,
                                first = true](grpc::ByteBuffer&) mutable {
                                   if (std::exchange(first, false)) ++connected;
                                   ++replies;
                                   if (!stopping && load.time > 0ms) player.stream->write(message);
                               },
                               [&ended](const grpc::Status&) { ++ended; }});
        loop.run([&] {
            player.stream->start();
            for (std::size_t n = 0; n < load.in_flight; ++n) player.stream->write(message);
        });
        // A storm of handshakes is not what is measured.
        while (i > 64 && connected + 64 < i) std::this_thread::sleep_for(1ms);
    }
    const auto give_up = Steady::now() + 60s;
    while (connected < load.connections) {
        if (Steady::now() > give_up) throw std::runtime_error{"the echo's streams do not open"};
        std::this_thread::sleep_for(5ms);
    }
    const std::chrono::duration<double> connecting = Steady::now() - first_connect;
    std::this_thread::sleep_for(300ms);
    const auto cpu = server.cpu();
    const std::uint64_t before = replies;
    const auto begun = Steady::now();
    std::this_thread::sleep_for(load.time);
    const std::uint64_t counted = replies - before;
    const std::chrono::duration<double> elapsed = Steady::now() - begun;
    const std::chrono::duration<double, std::micro> used = server.cpu() - cpu;
    stopping = true;
    for (const auto& player : players) player->loop.run([&] { player->stream->cancel(); });
    while (ended < load.connections) std::this_thread::sleep_for(5ms);
    const auto count = static_cast<double>(counted);
    return {count / elapsed.count(), counted == 0 ? 0 : used.count() / count, connecting.count()};
}

}  // namespace vigil::load
