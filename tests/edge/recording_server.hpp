#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/instant.hpp"
#include "proto/edge/tls.hpp"

namespace vigil::edge {

/// A real HTTP/1.1 server on 127.0.0.1, with or without TLS, that keeps what it was sent and
/// answers as it is told. One connection at a time.
class RecordingServer {
public:
    struct Request {
        std::string method, target, body;
        std::map<std::string, std::string> fields;  ///< by name, in lower case
    };
    struct Reply {
        unsigned status = 200;
        std::string body{};
        std::string retry_after{};
        Milliseconds delay{};    ///< before it answers
        bool ends_by_closing{};  ///< no length, and no last word of TLS
    };

    explicit RecordingServer(std::optional<TlsIdentity> tls = {});
    ~RecordingServer();

    std::uint16_t port() const;
    std::string url(const std::string& target) const;  ///< with host "localhost"
    /// For the next requests, in order; then 200.
    void answer(std::vector<Reply> replies);
    std::vector<Request> requests() const;

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

/// Waits until it is so; false after ten seconds.
bool soon(const std::function<bool()>& so);

}  // namespace vigil::edge
