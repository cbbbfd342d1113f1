#include "verifier/web/endpoints.hpp"

#include "proto/edge/http_server.hpp"
#include "verifier/web/device_metrics.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t devices_by_default = 2'000;
constexpr const char* prometheus_text = "text/plain; version=0.0.4; charset=utf-8";
edge::HttpResponse text(unsigned status, std::string body) {
    edge::HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

edge::HttpResponse prometheus(std::string body) {
    edge::HttpResponse response;
    response.content_type = prometheus_text;
    response.body = std::move(body);
    return response;
}

edge::HttpResponse devices(const WebSources& sources) {
    const std::size_t count = sources.roster.device_count();
    if (count > devices_by_default && !sources.all_devices)
        return text(403, "there are " + std::to_string(count) +
                             " devices; per-device metrics are off above " +
                             std::to_string(devices_by_default) +
                             " unless the verifier runs with --metrics-all-devices true\n");
    return prometheus(device_metrics(*sources.watch.fleet()->records, sources.roster));
}

}  // namespace

web::ReceiptSigner web::receipt_signer(const SigningKey& key, const NetworkId& network) {
    return {.key = key.public_key(),
            .sign = [key, network](const AnswerId& answer, Instant received) {
                return key.sign(receipt_bytes(network, answer, received));
            }};
}

void add_routes(edge::HttpServer& server, const WebSources& sources) {
    web::add_pages(server,
                   web::Site{.store = sources.store,
                             .roster = sources.roster,
                             .schedule = sources.schedule,
                             .watch = sources.watch,
                             .clock = sources.clock,
                             .not_ready = sources.not_ready,
                             .version = sources.version,
                             .receipts = sources.receipts},
                   sources.served);
    server.route("/healthz", [](const edge::HttpRequest&) { return text(200, "ok\n"); });
    server.route("/readyz", [not_ready = sources.not_ready](const edge::HttpRequest&) {
        const auto why = not_ready();
        return why ? text(503, *why + "\n") : text(200, "ready\n");
    });
    for (const char* path : {"/healthz", "/readyz"}) server.keep_room_for(path);
    server.route("/metrics", [metrics = sources.metrics](const edge::HttpRequest&) {
        return prometheus(metrics());
    });
    server.route("/metrics/devices",
                 [sources](const edge::HttpRequest&) { return devices(sources); });
}

void publish(edge::HttpServer& server, const web::Fleet& fleet) {
    server.publish(web::events_path, web::live_json(fleet));
}

}  // namespace vigil::verifier
