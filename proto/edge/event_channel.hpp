#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <string>

namespace vigil::edge {

/// An event as the wire wants it.
std::shared_ptr<const std::string> event_text(const std::string& data);

/// The listeners of one path of server-sent events. All of it on the server's io thread.
class EventChannel {
public:
    EventChannel() = default;
    EventChannel(const EventChannel&) = delete;
    EventChannel& operator=(const EventChannel&) = delete;

    bool full() const;
    /// Writes the header and then what is published, until the peer is gone or does not read for
    /// 30 s. A comment every 15 s finds out.
    boost::asio::awaitable<void> listen(boost::beast::tcp_stream& stream);
    void publish(const std::shared_ptr<const std::string>& event);

private:
    struct Listener;
    std::list<Listener*> listeners_;
    std::shared_ptr<const std::string> latest_;
};

}  // namespace vigil::edge
