#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/expected.hpp"
#include "core/base/instant.hpp"
#include "node/board.hpp"
#include "node/metrics.hpp"

namespace vigil::edge {
class HttpServer;
}

namespace vigil::node {

/// Adds /metrics, /healthz, /status (JSON), /status.txt (the same as a table) and / (a page). All are read-only; `board`
/// and `metrics` outlive the server.
void add_routes(edge::HttpServer& server, Board& board, Metrics& metrics,
                std::function<Instant()> now);

/// Healthy: a device that does not fail, and a verifier, or one lost for less than five minutes.
/// The sentence says which.
struct Health {
    bool good{};
    std::string why;
};
Health health(const NodeStatus& status, Instant now);

struct HttpReply {
    unsigned status{};
    std::string body;
};
/// One GET of the running node's own port; at most 4 MiB, within `timeout`. The error is a
/// sentence.
Expected<HttpReply, std::string> http_get(const std::string& address, std::uint16_t port,
                                          const std::string& path, Milliseconds timeout);

}  // namespace vigil::node
