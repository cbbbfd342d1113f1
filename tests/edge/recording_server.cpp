#include "tests/edge/recording_server.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace vigil::edge {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

struct RecordingServer::Running {
    asio::io_context context;
    tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
    std::unique_ptr<asio::ssl::context> tls;
    std::atomic<bool> stopping{false};
    mutable std::mutex mutex;
    // guarded by mutex
    std::deque<Reply> replies;
    std::vector<Request> requests;
    std::thread thread;

    /// False: the stream is to be closed without another word.
    template <class Stream>
    bool exchange(Stream& stream) {
        beast::flat_buffer buffer;
        http::request<http::string_body> got;
        http::read(stream, buffer, got);
        Request request{
            std::string{got.method_string()}, std::string{got.target()}, got.body(), {}};
        for (const auto& field : got) {
            std::string name{field.name_string()};
            std::ranges::transform(name, name.begin(), [](unsigned char c) {
                return static_cast<char>(std::tolower(c));
            });
            request.fields[name] = std::string{field.value()};
        }
        Reply reply;
        {
            const std::lock_guard lock{mutex};
            requests.push_back(std::move(request));
            if (!replies.empty()) {
                reply = replies.front();
                replies.pop_front();
            }
        }
        for (Milliseconds slept{}; slept < reply.delay && !stopping; slept += Milliseconds{20})
            std::this_thread::sleep_for(Milliseconds{20});
        http::response<http::string_body> answer{http::int_to_status(reply.status), 11};
        answer.keep_alive(false);
        if (!reply.retry_after.empty()) answer.set(http::field::retry_after, reply.retry_after);
        answer.body() = reply.body;
        if (!reply.ends_by_closing) answer.prepare_payload();
        boost::system::error_code failure;  // "end of stream" where the end is the closing
        http::write(stream, answer, failure);
        return !reply.ends_by_closing;
    }

    void serve() {
        while (!stopping) {
            boost::system::error_code failure;
            tcp::socket socket{context};
            acceptor.accept(socket, failure);
            if (failure || stopping) continue;
            try {
                if (!tls) {
                    beast::tcp_stream stream{std::move(socket)};
                    exchange(stream);
                    continue;
                }
                beast::ssl_stream<beast::tcp_stream> stream{std::move(socket), *tls};
                stream.handshake(asio::ssl::stream_base::server);
                if (exchange(stream)) stream.shutdown();
            } catch (const boost::system::system_error&) {
                continue;  // the client left, or does not trust this
            }
        }
    }
};

RecordingServer::RecordingServer(std::optional<TlsIdentity> tls)
    : running_{std::make_unique<Running>()} {
    if (tls) {
        running_->tls = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
        running_->tls->use_certificate_chain(asio::buffer(tls->certificate_pem));
        running_->tls->use_private_key(asio::buffer(tls->key_pem), asio::ssl::context::pem);
    }
    running_->thread = std::thread{[this] { running_->serve(); }};
}

RecordingServer::~RecordingServer() {
    running_->stopping = true;
    asio::io_context context;
    tcp::socket last{context};
    boost::system::error_code ignored;
    last.connect(running_->acceptor.local_endpoint(), ignored);
    running_->thread.join();
}

std::uint16_t RecordingServer::port() const { return running_->acceptor.local_endpoint().port(); }

std::string RecordingServer::url(const std::string& target) const {
    return (running_->tls ? "https://localhost:" : "http://localhost:") + std::to_string(port()) +
           target;
}

void RecordingServer::answer(std::vector<Reply> replies) {
    const std::lock_guard lock{running_->mutex};
    running_->replies.assign(replies.begin(), replies.end());
}

std::vector<RecordingServer::Request> RecordingServer::requests() const {
    const std::lock_guard lock{running_->mutex};
    return running_->requests;
}

bool soon(const std::function<bool()>& so) {
    for (int i = 0; i < 500; ++i) {
        if (so()) return true;
        std::this_thread::sleep_for(Milliseconds{20});
    }
    return false;
}

}  // namespace vigil::edge
