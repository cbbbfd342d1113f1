#pragma once

#include <functional>
#include <optional>
#include <string>

#include "verifier/roster.hpp"
#include "verifier/store/store.hpp"

namespace vigil::edge {
class HttpServer;
}

namespace vigil::verifier {

/// What the HTTP port tells. The functions are called on its threads.
struct WebSources {
    std::function<std::string()> metrics;                   ///< Prometheus text
    std::function<std::optional<std::string>()> not_ready;  ///< why; nothing when ready
    Store& store;
    Roster& roster;
    bool all_devices = false;  ///< /metrics/devices above its limit
};

/// /metrics, /metrics/devices, /healthz (the process answers), /readyz (it can serve nodes). What
/// `sources` refers to must outlive the server.
void add_routes(edge::HttpServer& server, const WebSources& sources);

}  // namespace vigil::verifier
