#include "node/local_api.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "node/assets.hpp"
#include "node/console_lines.hpp"
#include "node/page.hpp"
#include "proto/edge/http_server.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t reply_limit = 4 * 1024 * 1024;

int connect_to(const std::string& address, std::uint16_t port, timeval timeout) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0)
        return -1;
    int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (::connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        ::close(fd);
        fd = -1;
    }
    ::freeaddrinfo(found);
    return fd;
}

edge::HttpResponse asset(const edge::HttpRequest& request) {
    const std::string_view name =
        std::string_view{request.path}.substr(std::string_view{"/assets/"}.size());
    for (const Asset& one : assets())
        if (one.name == name)
            return {200,
                    std::string{one.content_type},
                    std::string{one.text},
                    {{"Cache-Control", "max-age=86400"}}};
    return {404, "text/plain; charset=utf-8", "no such file\n", {}};
}

}  // namespace

Health health(const NodeStatus& status, Instant now) {
    constexpr Milliseconds patience{300'000};
    const bool all_fail =
        !status.devices.empty() &&
        std::all_of(status.devices.begin(), status.devices.end(), [](const DeviceStatus& d) {
            return d.state.starts_with("failing") || d.health.presence == health::Presence::lost;
        });
    if (all_fail) return {false, "every device fails: " + state_words(status.devices.front())};
    if (!status.connected && now - status.connection_changed > patience)
        return {false, "no verifier for " + time_words(now - status.connection_changed) + ": " +
                           status.trouble};
    return {true, status.connected ? "connected" : "not connected: " + status.trouble};
}

void add_routes(edge::HttpServer& server, Board& board, Metrics& metrics,
                std::function<Instant()> now) {
    server.route("/metrics", [&metrics](const edge::HttpRequest&) {
        return edge::HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", metrics.text()};
    });
    server.route("/status", [&board, now](const edge::HttpRequest&) {
        return edge::HttpResponse{200, "application/json", status_json(board.read(), now())};
    });
    server.route("/", [&board, now](const edge::HttpRequest&) {
        return edge::HttpResponse{200,
                                  "text/html; charset=utf-8",
                                  status_page(board.read(), now()),
                                  {{"Cache-Control", "no-cache"}}};
    });
    server.route("/assets/*", asset);
    server.route("/status.txt", [&board, now](const edge::HttpRequest&) {
        return edge::HttpResponse{200, "text/plain; charset=utf-8",
                                  status_table(board.read(), now())};
    });
    server.keep_room_for("/healthz");
    server.route("/healthz", [&board, now](const edge::HttpRequest&) {
        const Health state = health(board.read(), now());
        return edge::HttpResponse{state.good ? 200u : 503u, "text/plain; charset=utf-8",
                                  state.why + "\n"};
    });
}

Expected<HttpReply, std::string> http_get(const std::string& address, std::uint16_t port,
                                          const std::string& path, Milliseconds timeout) {
    const std::string place = address + ":" + std::to_string(port);
    const timeval limit{timeout.count() / 1000, timeout.count() % 1000 * 1000};
    const int fd = connect_to(address, port, limit);
    if (fd < 0) return tl::unexpected{place + ": " + std::strerror(errno)};
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: " + place + "\r\nConnection: close\r\n\r\n";
    std::string text;
    bool good = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(request.size());
    std::array<char, 16384> part{};
    while (good && text.size() < reply_limit) {
        const ssize_t count = ::recv(fd, part.data(), part.size(), 0);
        if (count == 0) break;
        good = count > 0;
        if (good) text.append(part.data(), static_cast<std::size_t>(count));
    }
    ::close(fd);
    const std::size_t end = text.find("\r\n\r\n");
    unsigned status{};
    if (text.size() > 12) std::from_chars(text.data() + 9, text.data() + 12, status);
    if (!good || end == std::string::npos || status == 0)
        return tl::unexpected{place + " did not answer as a vigil-node does"};
    return HttpReply{status, text.substr(end + 4)};
}

}  // namespace vigil::node
