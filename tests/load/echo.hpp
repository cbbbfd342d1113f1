#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proto/edge/tls.hpp"
#include "tests/load/byte_stream.hpp"
#include "tests/load/process.hpp"

namespace vigil::load {

/// The bare ping-pong: what gRPC alone costs with the same shape of connections. A raw stream for
/// each, completion queues, `reply_bytes` back for each message.
struct EchoOptions {
    std::uint16_t port{};
    std::optional<edge::TlsIdentity> tls;
    std::size_t reply_bytes = 120;
    unsigned threads = 1;
};
/// Serves until the process is ended.
void serve_echo(const EchoOptions& options);

struct EchoFigures {
    double a_second{};
    double server_us{};    ///< processor time of the server for one message
    double connected_s{};  ///< until all connections had their first reply, 64 at a time
};
struct EchoLoad {
    Target target;
    std::size_t connections = 1'000;
    std::size_t in_flight = 1;
    std::size_t message_bytes = 2'300;
    unsigned threads = 1;
    std::chrono::milliseconds time{5'000};  ///< zero: one message a connection
};
EchoFigures measure_echo(const EchoLoad& load, const Process& server);

}  // namespace vigil::load
