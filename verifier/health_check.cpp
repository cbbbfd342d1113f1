#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>

#include "proto/edge/files.hpp"
#include "verifier/commands.hpp"

namespace vigil::verifier {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::chrono::seconds patience{5};

/// An address that listens everywhere is asked here.
asio::ip::address asked(const std::string& address) {
    const auto parsed = asio::ip::make_address(address);
    if (!parsed.is_unspecified()) return parsed;
    if (parsed.is_v6()) return asio::ip::address_v6::loopback();
    return asio::ip::address_v4::loopback();
}

http::response<http::string_body> get_readiness(const std::string& address, std::uint16_t port) {
    asio::io_context context;
    beast::tcp_stream stream{context};
    beast::flat_buffer buffer;
    http::request<http::empty_body> request{http::verb::get, "/readyz", 11};
    request.set(http::field::host, "localhost");
    http::response<http::string_body> response;
    boost::system::error_code outcome;
    const auto done = [&](boost::system::error_code error, std::size_t) { outcome = error; };
    stream.expires_after(patience);
    stream.async_connect({asked(address), port}, [&](boost::system::error_code error) {
        outcome = error;
        if (error) return;
        http::async_write(stream, request, [&](boost::system::error_code sent, std::size_t) {
            outcome = sent;
            if (!sent) http::async_read(stream, buffer, response, done);
        });
    });
    context.run();
    if (outcome) throw boost::system::system_error{outcome};
    return response;
}

}  // namespace

int check_health(const std::string& address, std::uint16_t port) try {
    const auto response = get_readiness(address, port);
    std::fputs(response.body().c_str(), stdout);
    return response.result() == http::status::ok ? 0 : edge::exit_check_failed;
} catch (const boost::system::system_error& failure) {
    throw edge::Fatal{edge::exit_unreachable, "E-UNREACHABLE",
                      "no verifier answers on " + address + " port " + std::to_string(port) + " (" +
                          failure.code().message() +
                          "); is it running, and with this --http-port?"};
}

}  // namespace vigil::verifier
