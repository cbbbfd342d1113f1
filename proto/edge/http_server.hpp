#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace vigil::edge {

struct HttpRequest {
    std::string method;  ///< GET, HEAD or POST; anything else is answered 405 before a route is asked
    std::string path;    ///< without the query
    std::string query;   ///< without "?"
    std::string body;    ///< at most 1 MiB
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

/// A small HTTP/1.1 server (Boost.Beast) for metrics, health, pages and JSON: one port, one io_context thread for
/// the sockets, a bounded pool for routes. Limits: 256 connections, 8 KiB of header, 1 MiB of body, 10 s for a
/// request, 30 s idle. Security headers (CSP default-src 'self', nosniff, no referrer) on every response.
class HttpServer {
public:
    using Route = std::function<HttpResponse(const HttpRequest&)>;

    HttpServer();
    ~HttpServer();  ///< stops

    /// Before start(). `path` exact, or a prefix when it ends with "*". The longest match wins; none is 404.
    /// A route runs on a pool thread, several at a time; an exception becomes 500 and a log line.
    void route(std::string path, Route route);

    /// Binds and serves; port 0 takes a free one. Throws Fatal E-PORT when the port is taken or may not be bound,
    /// naming address, port and the flag that changes it (`flag`, e.g. "--http-port").
    void start(const std::string& address, std::uint16_t port, const std::string& flag);
    std::uint16_t port() const;
    void stop();

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::edge
