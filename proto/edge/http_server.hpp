#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil::edge {

struct HttpRequest {
    std::string
        method;        ///< GET, HEAD or POST; anything else is answered 405 before a route is asked
    std::string path;  ///< without the query, as sent (not percent-decoded)
    std::string query;            ///< without "?"
    std::string body;             ///< at most 1 MiB
    std::string content_type{};   ///< as sent; empty when absent
    std::string peer{};           ///< the client's IP address
    std::string if_none_match{};  ///< as sent; empty when absent
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    /// Further header fields, such as Location or ETag; the server's own fields are not to be given
    /// here.
    std::vector<std::pair<std::string, std::string>> headers{};
};

/// A small HTTP/1.1 server (Boost.Beast) for metrics, health, pages and JSON: one port, one
/// io_context thread for the sockets, a bounded pool for routes. Limits: 256 connections and a
/// share of them for an address (HttpPlaces), 8 KiB of header, 1 MiB of body, 5 s for a header,
/// from the connection's begin on for its first, and 10 s for a request, 30 s idle or without
/// progress of a response. Beyond a limit: 503, 431, 413, or the connection closes. Security
/// headers (CSP default-src 'self', nosniff, no referrer) on every response. A response to HEAD has
/// its headers only; a route need not care.
class HttpServer {
public:
    using Route = std::function<HttpResponse(const HttpRequest&)>;

    HttpServer();
    ~HttpServer();  ///< stops

    /// Before start(). `path` exact, or a prefix when it ends with "*". The longest match wins;
    /// none is 404. A route runs on a pool thread, several at a time; an exception becomes 500 and
    /// a log line.
    void route(std::string path, Route route);

    /// Before start(). Requests of this path, such as an orchestrator's whether the program lives,
    /// are answered also when all places and threads are taken: 16 spare places are for them, with
    /// 2 s for a request, and a thread.
    void keep_room_for(std::string path);

    /// Before start(). A GET of this path becomes a listener of server-sent events: at most 64 of
    /// them, further ones get 503.
    void events(std::string path);
    /// Sends `data` (one line, such as JSON) to every listener of the path, and to each that comes
    /// later until there is a newer one. Any thread; waits for nobody: a listener that reads too
    /// slowly has a queue of 4 and loses the oldest, so an event must stand for itself.
    void publish(const std::string& path, const std::string& data);

    /// Before start(). False: an address has no share, where a proxy hides those of its visitors.
    void limit_addresses(bool on);
    /// Before start(). How long a connection may wait for a request while another finds no place.
    void be_patient(std::chrono::milliseconds for_so_long);

    /// Binds and serves; port 0 takes a free one. Throws Fatal E-PORT when the port is taken or may
    /// not be bound, naming address, port and the flag that changes it (`flag`, e.g.
    /// "--http-port").
    void start(const std::string& address, std::uint16_t port, const std::string& flag);
    std::uint16_t port() const;
    /// Waits for routes under way. Nothing is served afterwards; a second call does nothing.
    void stop();

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::edge
