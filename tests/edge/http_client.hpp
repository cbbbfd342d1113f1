#pragma once

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace vigil::edge {

/// One raw connection to 127.0.0.1: what is tested is bytes, so no HTTP library stands between.
class RawConnection {
public:
    explicit RawConnection(std::uint16_t port, std::uint32_t to_address = INADDR_LOOPBACK)
        : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(to_address);
        connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
        const timeval patience{.tv_sec = 45, .tv_usec = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    RawConnection(RawConnection&& other) noexcept
        : socket_{std::exchange(other.socket_, -1)},
          connected_{other.connected_},
          unread_{std::move(other.unread_)} {}
    RawConnection& operator=(RawConnection&&) = delete;
    ~RawConnection() {
        if (socket_ >= 0) ::close(socket_);
    }
    bool connected() const { return connected_; }

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void end() const { ::shutdown(socket_, SHUT_WR); }

    /// All until the server closes.
    std::string rest() {
        while (receive()) {
        }
        return std::exchange(unread_, {});
    }
    bool closed_by_server() { return !receive(); }

    /// What arrives up to and with `text`; empty when the connection ended first.
    std::string through(std::string_view text) {
        std::size_t at = 0;
        while ((at = unread_.find(text)) == std::string::npos)
            if (!receive()) return {};
        std::string out = unread_.substr(0, at + text.size());
        unread_.erase(0, out.size());
        return out;
    }

    /// One response; `with_body` false after HEAD. Empty when the connection ended first.
    std::string response(bool with_body = true) {
        std::size_t end = 0;
        while ((end = unread_.find("\r\n\r\n")) == std::string::npos)
            if (!receive()) return {};
        end += 4;
        constexpr std::string_view length_field = "\r\nContent-Length: ";
        const auto at = unread_.find(length_field);
        if (with_body && at < end) end += std::stoul(unread_.substr(at + length_field.size()));
        while (unread_.size() < end)
            if (!receive()) return {};
        std::string out = unread_.substr(0, end);
        unread_.erase(0, end);
        return out;
    }

private:
    bool receive() {
        char chunk[4096];
        const auto got = ::recv(socket_, chunk, sizeof chunk, 0);
        if (got <= 0) return false;
        unread_.append(chunk, static_cast<std::size_t>(got));
        return true;
    }

    int socket_;
    bool connected_ = false;
    std::string unread_;
};

inline unsigned status_of(const std::string& response) {
    return response.size() < 12 || !response.starts_with("HTTP/1.")
               ? 0
               : static_cast<unsigned>(std::stoul(response.substr(9, 3)));
}
inline std::string body_of(const std::string& response) {
    const auto end = response.find("\r\n\r\n");
    return end == std::string::npos ? "" : response.substr(end + 4);
}

}  // namespace vigil::edge
