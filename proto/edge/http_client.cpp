#include "proto/edge/http_client.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <charconv>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include "proto/edge/logging.hpp"

namespace vigil::edge {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t url_limit = 2'048;
constexpr std::size_t header_limit = 16 * 1024;
constexpr std::size_t read_at_once = 64 * 1024;
constexpr std::chrono::milliseconds step{100};
constexpr std::chrono::seconds longest_wait_asked{86'400};

using Request = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;

Request request_of(const HttpCall& call) {
    Request request{http::verb::get, call.url.target, 11};
    request.method_string(call.method);
    const bool usual_port = call.url.port == (call.url.tls ? 443 : 80);
    const bool v6 = call.url.host.find(':') != std::string::npos;
    const std::string host = v6 ? fmt::format("[{}]", call.url.host) : call.url.host;
    request.set(http::field::host, usual_port ? host : fmt::format("{}:{}", host, call.url.port));
    request.set(http::field::user_agent, "vigil");
    request.set(http::field::connection, "close");
    for (const auto& [name, value] : call.headers) request.set(name, value);
    request.body() = call.body;
    if (!call.body.empty() || call.method == "POST") request.prepare_payload();
    return request;
}

std::optional<std::chrono::seconds> retry_after(const Parser& parser) {
    const auto text = parser.get()[http::field::retry_after];
    std::int64_t seconds{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || seconds < 0)
        return std::nullopt;
    return std::min(std::chrono::seconds{seconds}, longest_wait_asked);
}

template <class Stream>
asio::awaitable<HttpAnswer> exchange(Stream& stream, const HttpCall& call) {
    const Request request = request_of(call);
    co_await http::async_write(stream, request, asio::use_awaitable);
    beast::flat_buffer buffer{read_at_once};
    Parser parser;
    parser.header_limit(header_limit);
    parser.body_limit(boost::none);
    // Read in parts: what is over the limit is left, and the answer counts all the same.
    co_await http::async_read_header(stream, buffer, parser, asio::use_awaitable);
    // The status has come and counts, however the body ends: some servers end it, and TLS, by
    // closing.
    boost::system::error_code ended;
    while (!ended && !parser.is_done() && parser.get().body().size() < call.body_limit)
        co_await http::async_read_some(stream, buffer, parser,
                                       asio::redirect_error(asio::use_awaitable, ended));
    std::string body = std::move(parser.get().body());
    body.resize(std::min(body.size(), call.body_limit));
    co_return HttpAnswer{parser.get().result_int(), std::move(body), retry_after(parser)};
}

asio::awaitable<void> connect(beast::tcp_stream& stream, const std::string& host,
                              std::uint16_t port) {
    tcp::resolver resolver{co_await asio::this_coro::executor};
    const auto places =
        co_await resolver.async_resolve(host, std::to_string(port), asio::use_awaitable);
    co_await stream.async_connect(places, asio::use_awaitable);
}

ssl::context trust(const std::filesystem::path& ca) {
    ssl::context context{ssl::context::tls_client};
    context.set_default_verify_paths();
    if (!ca.empty()) context.load_verify_file(ca.string());
    context.set_verify_mode(ssl::verify_peer);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    return context;
}

asio::awaitable<HttpAnswer> talk(const HttpCall& call) {
    const auto executor = co_await asio::this_coro::executor;
    if (!call.url.tls) {
        beast::tcp_stream stream{executor};
        co_await connect(stream, call.url.host, call.url.port);
        co_return co_await exchange(stream, call);
    }
    ssl::context context = trust(call.ca);
    beast::ssl_stream<beast::tcp_stream> stream{executor, context};
    SSL_set_tlsext_host_name(stream.native_handle(), call.url.host.c_str());
    stream.set_verify_callback(ssl::host_name_verification{call.url.host});
    co_await connect(beast::get_lowest_layer(stream), call.url.host, call.url.port);
    co_await stream.async_handshake(ssl::stream_base::client, asio::use_awaitable);
    co_return co_await exchange(stream, call);
}

asio::awaitable<bool> reach(const std::string& host, std::uint16_t port) {
    beast::tcp_stream stream{co_await asio::this_coro::executor};
    co_await connect(stream, host, port);
    co_return true;
}

/// Runs `work` on this thread until it is done, too late, or abandoned.
template <class Result>
Expected<Result, std::string> within(asio::awaitable<Result> work, const std::string& place,
                                     Milliseconds deadline, const std::function<bool()>& abandon) {
    asio::io_context context{1};
    std::optional<Result> result;
    std::string trouble;
    bool done = false;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr failure, Result value) {
        done = true;
        if (!failure) {
            result = std::move(value);
            return;
        }
        try {
            std::rethrow_exception(failure);
        } catch (const boost::system::system_error& error) {
            trouble = error.code().message();
        } catch (const std::exception& error) {
            trouble = error.what();
        }
    });
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!done) {
        context.run_for(step);
        if (done) break;
        if (abandon()) return tl::unexpected{place + ": abandoned"};
        if (std::chrono::steady_clock::now() >= until)
            return tl::unexpected{
                fmt::format("{} did not answer within {} ms", place, deadline.count())};
    }
    if (!result) return tl::unexpected{place + ": " + for_log(trouble, 160)};
    return std::move(*result);
}

}  // namespace

std::string Url::place() const { return fmt::format("{}:{}", for_log(host, 120), port); }

Expected<Url, std::string> url_from_text(std::string_view text) {
    const auto wrong = [](const char* why) { return tl::unexpected{std::string{why}}; };
    if (text.size() > url_limit) return wrong("it is longer than 2,048 bytes");
    if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c == '\x7f'; }))
        return wrong("it holds a blank or a control character");
    Url url;
    if (text.starts_with("https://"))
        url.tls = true;
    else if (!text.starts_with("http://"))
        return wrong("it begins with neither http:// nor https://");
    text.remove_prefix(url.tls ? 8 : 7);
    std::string_view place = text.substr(0, text.find_first_of("/?#"));
    text.remove_prefix(place.size());
    if (place.find('@') != std::string_view::npos)
        return wrong("it holds a name and password; they have no place in a URL");
    url.port = url.tls ? 443 : 80;
    const auto bracket = place.starts_with('[') ? place.find(']') : std::string_view::npos;
    const auto colon = place.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        const std::string_view digits = place.substr(colon + 1);
        unsigned port{};
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
        if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || port == 0 ||
            port > 65'535)
            return wrong("its port is not a number from 1 to 65535");
        url.port = static_cast<std::uint16_t>(port);
        place = place.substr(0, colon);
    }
    if (place.starts_with('[')) {
        if (!place.ends_with(']')) return wrong("its bracket is not closed");
        place = place.substr(1, place.size() - 2);
    }
    if (place.empty()) return wrong("it names no host");
    url.host = place;
    text = text.substr(0, text.find('#'));
    url.target = fmt::format("{}{}", text.starts_with('/') ? "" : "/", text);
    return url;
}

Expected<HttpAnswer, std::string> http_call(const HttpCall& call,
                                            const std::function<bool()>& abandon) {
    return within(talk(call), call.url.place(), call.deadline, abandon);
}

Expected<void, std::string> tcp_reach(const std::string& host, std::uint16_t port,
                                      Milliseconds deadline, const std::function<bool()>& abandon) {
    const std::string place = fmt::format("{}:{}", for_log(host, 120), port);
    auto reached = within(reach(host, port), place, deadline, abandon);
    if (!reached) return tl::unexpected{reached.error()};
    return {};
}

}  // namespace vigil::edge
