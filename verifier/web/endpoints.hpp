#pragma once

#include <functional>
#include <optional>
#include <string>

#include "verifier/web/routes.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier {

/// What the HTTP port tells. The functions are called on its threads.
struct WebSources {
    std::function<std::string()> metrics;                   ///< Prometheus text
    std::function<std::optional<std::string>()> not_ready;  ///< why; nothing when ready
    Store& store;
    const Roster& roster;
    Schedule& schedule;
    const web::FleetWatch& watch;
    std::function<Instant()> clock;
    std::string version;
    web::ReceiptSigner receipts;
    bool all_devices = false;  ///< /metrics/devices above its limit
    web::Served served{};      ///< may be empty
};

/// Pages for people and their assets, /events; /metrics, /metrics/devices, /healthz (the process
/// answers), /readyz (it can serve nodes). What `sources` refers to must outlive the server.
void add_routes(edge::HttpServer& server, const WebSources& sources);

/// To those who listen at /events: the numbers of the network's page, and whether there is more to
/// read.
void publish(edge::HttpServer& server, const web::Fleet& fleet);

}  // namespace vigil::verifier
