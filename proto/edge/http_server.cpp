#include "proto/edge/http_server.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>
#include <set>
#include <spdlog/spdlog.h>
#include <thread>

#include "core/base/require.hpp"
#include "proto/edge/event_channel.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/http_places.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/peer_address.hpp"

namespace vigil::edge {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t header_limit = 8 * 1024;
constexpr std::size_t body_limit = 1024 * 1024;
constexpr std::size_t buffer_limit =
    64 * 1024;  // of one connection, between the socket and the parser
constexpr std::size_t route_threads = 4;
constexpr std::chrono::seconds header_time{5}, spare_time{2};
constexpr std::chrono::seconds request_time{10};
constexpr std::chrono::seconds idle_time{30};

constexpr std::string_view too_busy =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Security-Policy: default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nContent-Length: 0\r\n\r\n";

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
using Parser = http::request_parser<http::string_body>;

PeerAddress address_of(const tcp::endpoint& peer) {
    const asio::ip::address address = peer.address();
    return (address.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4())
                            : address.to_v6())
        .to_bytes();
}

HttpResponse plain(unsigned status, std::string text) {
    return {.status = status, .content_type = "text/plain; charset=utf-8", .body = text + "\n"};
}

/// What a request that the parser refused is answered with; nullopt: the connection just ends.
std::optional<HttpResponse> refusal_of(const error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return plain(431, "the header is over 8 KiB");
    if (error == http::error::body_limit) return plain(413, "the body is over 1 MiB");
    if (error == http::error::end_of_stream || error == http::error::partial_message)
        return std::nullopt;
    if (error.category() == make_error_code(http::error::bad_method).category())
        return plain(400, "this is not an HTTP/1.1 request");
    return std::nullopt;  // timed out, reset by the peer, stopped
}

Response with_headers(HttpResponse from, unsigned version, bool keep_alive) {
    Response out{http::int_to_status(from.status), version};
    if (out.result() == http::status::unknown) out.result(from.status);
    out.set(http::field::content_type, from.content_type);
    out.set("Content-Security-Policy",
            "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    out.set("X-Content-Type-Options", "nosniff");
    out.set("Referrer-Policy", "no-referrer");
    for (const auto& [name, value] : from.headers) out.set(name, value);
    out.keep_alive(keep_alive);
    out.body() = std::move(from.body);
    out.prepare_payload();
    return out;
}

}  // namespace

struct HttpServer::Running {
    std::map<std::string, Route, std::less<>> exact, prefixes;
    std::map<std::string, EventChannel, std::less<>> channels;
    std::set<std::string, std::less<>> always;
    HttpPlaces places;  // of the io thread; outlives its connections
    asio::thread_pool pool{route_threads}, pool_for_always{1};
    asio::io_context io{1};
    tcp::acceptor acceptor{io};
    std::thread thread;
    std::uint16_t port = 0;
    bool stopped = false;

    const Route* find(std::string_view path) const {
        if (const auto found = exact.find(path); found != exact.end()) return &found->second;
        const Route* best = nullptr;
        std::size_t length = 0;
        for (const auto& [prefix, route] : prefixes)
            if (path.starts_with(prefix) && (best == nullptr || prefix.size() > length)) {
                best = &route;
                length = prefix.size();
            }
        return best;
    }

    HttpResponse answer(const HttpRequest& request) const {
        const Route* route = find(request.path);
        if (route == nullptr) return plain(404, "there is nothing at this path");
        try {
            return (*route)(request);
        } catch (const std::exception& error) {
            spdlog::error("{} {} failed: {}", request.method, for_log(request.path),
                          for_log(error.what()));
        } catch (...) {
            spdlog::error("{} {} failed", request.method, for_log(request.path));
        }
        return plain(500, "the server failed at this request; its log says why");
    }

    /// What can be said without asking a route.
    static std::optional<HttpResponse> refused(const Request& request) {
        const auto method = request.method();
        if (method != http::verb::get && method != http::verb::head && method != http::verb::post) {
            HttpResponse out = plain(405, "only GET, HEAD and POST are served");
            out.headers.emplace_back("Allow", "GET, HEAD, POST");
            return out;
        }
        const auto target = request.target();
        if (target.empty() || target[0] != '/')
            return plain(400, "the request's target must be a path");
        if (request.version() >= 11 && request.count(http::field::host) != 1)
            return plain(400, "the request must have one Host field");
        return std::nullopt;
    }

    static HttpRequest decoded(Request&& from, const std::string& peer) {
        const std::string target{from.target()};
        const std::size_t question = std::min(target.find('?'), target.size());
        return {.method = std::string{from.method_string()},
                .path = target.substr(0, question),
                .query = target.substr(std::min(question + 1, target.size())),
                .body = std::move(from.body()),
                .content_type = std::string{from[http::field::content_type]},
                .peer = peer,
                .if_none_match = std::string{from[http::field::if_none_match]}};
    }

    bool has_room_always(const Request& request) const {
        return always.contains(std::string_view{request.target().data(), request.target().size()});
    }

    /// The channel of a request that wants to listen; null: an ordinary request.
    EventChannel* channel_of(const Request& request) {
        if (request.method() != http::verb::get) return nullptr;
        const auto found =
            channels.find(std::string_view{request.target().data(), request.target().size()});
        return found == channels.end() ? nullptr : &found->second;
    }

    asio::awaitable<void> converse(beast::tcp_stream& stream, HttpPlaces::Place& place) {
        error_code error;
        const auto into_error = [&error] {
            return asio::redirect_error(asio::use_awaitable, error);
        };
        const auto remote = stream.socket().remote_endpoint(error);
        const std::string peer = error ? "" : remote.address().to_string();
        beast::flat_buffer buffer{buffer_limit};
        bool first = true;  // which is due at once
        for (bool keep_alive = true; keep_alive; first = false) {
            auto begun = std::chrono::steady_clock::now();
            place.waits(begun);
            if (buffer.size() == 0) {
                stream.expires_after(place.is_spare() ? spare_time
                                     : first          ? header_time
                                                      : idle_time);
                const std::size_t got =
                    co_await stream.async_read_some(buffer.prepare(4096), into_error());
                if (error) break;
                buffer.commit(got);
                if (!first) begun = std::chrono::steady_clock::now();
            }
            Parser parser;
            parser.header_limit(header_limit);
            parser.body_limit(body_limit);
            stream.expires_at(begun + (place.is_spare() ? spare_time : header_time));
            co_await http::async_read_header(stream, buffer, parser, into_error());
            if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
                const Response go_on{http::status::continue_, 11};
                co_await http::async_write(stream, go_on, into_error());
            }
            if (!place.is_spare()) stream.expires_at(begun + request_time);
            if (!error) co_await http::async_read(stream, buffer, parser, into_error());
            place.works();

            std::optional<HttpResponse> response =
                error ? refusal_of(error) : refused(parser.get());
            if (error && !response) break;
            if (!response && place.is_spare() && !has_room_always(parser.get())) {
                response = plain(503, "too many connections; try again");
                response->headers.emplace_back("Retry-After", "1");
            }
            keep_alive = !error && !place.is_spare() && parser.get().keep_alive();
            const bool head_only = parser.get().method() == http::verb::head;
            const unsigned version = error ? 11 : parser.get().version();
            if (EventChannel* channel = response ? nullptr : channel_of(parser.get())) {
                if (channel->full() || !place.listens()) {
                    response = plain(503, "too many listen already; the page works without");
                    response->headers.emplace_back("Retry-After", "60");
                } else {
                    co_await channel->listen(stream);
                    co_return;
                }
            }
            if (!response) {
                stream.expires_never();  // routes have their own deadlines
                auto& threads = has_room_always(parser.get()) ? pool_for_always : pool;
                const HttpRequest request = decoded(parser.release(), peer);
                response = co_await asio::co_spawn(
                    threads,
                    [this, &request]() -> asio::awaitable<HttpResponse> {
                        co_return answer(request);
                    },
                    asio::use_awaitable);
            }
            const Response message = with_headers(*std::move(response), version, keep_alive);
            http::response_serializer<http::string_body> serializer{message};
            serializer.split(head_only);
            error = {};
            while (!error && !(head_only ? serializer.is_header_done() : serializer.is_done())) {
                stream.expires_after(idle_time);
                co_await http::async_write_some(stream, serializer, into_error());
            }
            keep_alive = keep_alive && !error;
        }
        place.waits(std::chrono::steady_clock::now());  // for its end
        co_await finish(stream, buffer);
    }

    /// Closes so that the peer can still read the last response: what it was sending is read and
    /// dropped first.
    static asio::awaitable<void> finish(beast::tcp_stream& stream, beast::flat_buffer& buffer) {
        error_code error;
        stream.socket().shutdown(tcp::socket::shutdown_send, error);
        buffer.clear();
        stream.expires_after(std::chrono::seconds{2});
        for (std::size_t dropped = 0; !error && dropped < 2 * body_limit;)
            dropped += co_await stream.async_read_some(
                buffer.prepare(4096), asio::redirect_error(asio::use_awaitable, error));
    }

    asio::awaitable<void> serve(tcp::socket socket, std::unique_ptr<HttpPlaces::Place> place) {
        beast::tcp_stream stream{std::move(socket)};
        place->when_taken_away([&stream] { stream.close(); });
        try {
            co_await converse(stream, *place);
        } catch (const std::exception& error) {
            spdlog::error("a connection failed: {}", for_log(error.what()));
        }
    }

    asio::awaitable<void> accept() {
        while (acceptor.is_open()) {
            error_code error;
            tcp::socket socket =
                co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
            if (error == asio::error::operation_aborted) break;
            if (error) {  // out of descriptors, most likely: let some connections end
                spdlog::warn("cannot accept a connection: {}", error.message());
                asio::steady_timer pause{io, std::chrono::milliseconds{100}};
                co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
                continue;
            }
            const tcp::endpoint peer = socket.remote_endpoint(error);
            if (error) continue;  // gone already
            auto place = places.take(address_of(peer), std::chrono::steady_clock::now());
            if (!place) {
                socket.non_blocking(true, error);
                socket.write_some(asio::buffer(too_busy), error);
                continue;
            }
            asio::co_spawn(io, serve(std::move(socket), std::move(place)), asio::detached);
        }
    }
};

HttpServer::HttpServer() : running_{std::make_unique<Running>()} {}

HttpServer::~HttpServer() { stop(); }

void HttpServer::route(std::string path, Route route) {
    require(!running_->thread.joinable(), "routes are given before start()");
    if (path.ends_with('*')) {
        path.pop_back();
        running_->prefixes[std::move(path)] = std::move(route);
    } else {
        running_->exact[std::move(path)] = std::move(route);
    }
}

void HttpServer::events(std::string path) {
    require(!running_->thread.joinable(), "paths of events are given before start()");
    running_->channels.try_emplace(std::move(path));
}

void HttpServer::keep_room_for(std::string path) {
    require(!running_->thread.joinable(), "paths that have room are given before start()");
    running_->always.insert(std::move(path));
}

void HttpServer::limit_addresses(bool on) {
    require(!running_->thread.joinable(), "who is counted is said before start()");
    running_->places.limit_addresses(on);
}

void HttpServer::be_patient(std::chrono::milliseconds for_so_long) {
    require(!running_->thread.joinable(), "how patient it is, is said before start()");
    running_->places.be_patient(for_so_long);
}

void HttpServer::publish(const std::string& path, const std::string& data) {
    asio::post(running_->io, [running = running_.get(), path, event = event_text(data)] {
        running->channels.at(path).publish(event);
    });
}

void HttpServer::start(const std::string& address, std::uint16_t port, const std::string& flag) {
    const auto refuse = [&](const std::string& why) {
        throw Fatal{exit_configuration, "E-PORT",
                    "cannot serve HTTP on " + for_log(address) + " port " + std::to_string(port) +
                        ": " + why};
    };
    error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) refuse("this is not an IP address; 127.0.0.1 serves this machine only, 0.0.0.0 all");
    const tcp::endpoint endpoint{ip, port};
    auto& acceptor = running_->acceptor;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
        const std::string reason = error.message();
        error_code ignored;
        acceptor.close(ignored);
        if (error == asio::error::address_in_use)
            refuse(
                "another program, or another copy of this one, has it. Stop that one, or choose "
                "a free port with " +
                flag);
        if (error == asio::error::access_denied)
            refuse(reason + ". Choose a port from 1024 up with " + flag);
        refuse(reason + ". Choose another with " + flag);
    }
    running_->port = acceptor.local_endpoint().port();
    asio::co_spawn(running_->io, running_->accept(), asio::detached);
    running_->thread = std::thread{[this] { running_->io.run(); }};
}

std::uint16_t HttpServer::port() const { return running_->port; }

void HttpServer::stop() {
    if (std::exchange(running_->stopped, true)) return;
    running_->io.stop();
    if (running_->thread.joinable()) running_->thread.join();
    running_->pool.join();
    running_->pool_for_always.join();
    error_code ignored;
    running_->acceptor.close(ignored);
}

}  // namespace vigil::edge
