#include "proto/edge/event_channel.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace vigil::edge {

namespace asio = boost::asio;

namespace {

constexpr std::size_t listener_limit = 64;
constexpr std::size_t queue_limit = 4;
constexpr std::chrono::seconds comment_every{15};
constexpr std::chrono::seconds write_time{30};

/// Ends with the connection, so it has no length; a browser comes again after 5 s.
constexpr const char* beginning =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
    "Connection: close\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "Content-Security-Policy: default-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'\r\n\r\nretry: 5000\n\n";

}  // namespace

struct EventChannel::Listener {
    std::list<Listener*>& all;
    asio::steady_timer wake;
    std::deque<std::shared_ptr<const std::string>> waiting;

    Listener(std::list<Listener*>& listeners, const asio::any_io_executor& on)
        : all{listeners}, wake{on} {
        all.push_back(this);
    }
    ~Listener() { all.remove(this); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void take(const std::shared_ptr<const std::string>& event) {
        if (waiting.size() == queue_limit) waiting.pop_front();
        waiting.push_back(event);
        wake.cancel();
    }
};

std::shared_ptr<const std::string> event_text(const std::string& data) {
    std::string text = "data: ";
    for (const char c : data)
        if (c != '\n' && c != '\r') text += c;
    return std::make_shared<const std::string>(text.append("\n\n"));
}

bool EventChannel::full() const { return listeners_.size() >= listener_limit; }

asio::awaitable<void> EventChannel::listen(boost::beast::tcp_stream& stream) {
    Listener listener{listeners_, stream.get_executor()};
    listener.waiting.push_back(std::make_shared<const std::string>(beginning));
    if (latest_) listener.waiting.push_back(latest_);
    const auto comment = std::make_shared<const std::string>(": still here\n\n");
    boost::system::error_code error;
    while (!error) {
        if (listener.waiting.empty()) {
            listener.wake.expires_after(comment_every);
            boost::system::error_code woken;
            co_await listener.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
            if (listener.waiting.empty()) listener.waiting.push_back(comment);
        }
        const auto event = listener.waiting.front();
        listener.waiting.pop_front();
        stream.expires_after(write_time);
        co_await asio::async_write(stream, asio::buffer(*event),
                                   asio::redirect_error(asio::use_awaitable, error));
    }
}

void EventChannel::publish(const std::shared_ptr<const std::string>& event) {
    latest_ = event;
    for (Listener* listener : listeners_) listener->take(event);
}

}  // namespace vigil::edge
