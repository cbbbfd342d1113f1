#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/expected.hpp"
#include "core/base/instant.hpp"

namespace vigil::edge {

/// "https://host:8443/path?query" in parts. A URL may hold a secret, so errors and logs name the
/// host alone.
struct Url {
    bool tls = false;
    std::string host;  ///< an IPv6 address without its brackets
    std::uint16_t port = 0;
    std::string target;  ///< path and query, at least "/"

    std::string place() const;  ///< "host:port"
};
/// http:// and https:// only, at most 2,048 bytes, no name and password before the host. The error
/// says what is wrong without repeating the text.
Expected<Url, std::string> url_from_text(std::string_view text);

struct HttpCall {
    Url url;
    std::string method = "GET";
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
    /// PEM file of whom to trust beside the system's authorities; empty: those alone.
    std::filesystem::path ca{};
    /// For the whole call. Looking up a name may take as long as the system's resolver does.
    Milliseconds deadline{10'000};
    std::size_t body_limit = 64 * 1024;  ///< of the answer; what is longer is left
};

struct HttpAnswer {
    unsigned status{};
    std::string body;
    std::optional<std::chrono::seconds> retry_after{};  ///< as sent, in seconds; at most a day
};

/// One request on a connection of its own; certificates must lead to an authority and name the
/// host. Redirects are not followed. `abandon`, asked ten times a second, ends it. The error is a
/// sentence that names host and port, never the path.
Expected<HttpAnswer, std::string> http_call(const HttpCall& call,
                                            const std::function<bool()>& abandon);

/// Whether something accepts connections there; the error is a sentence.
Expected<void, std::string> tcp_reach(const std::string& host, std::uint16_t port,
                                      Milliseconds deadline, const std::function<bool()>& abandon);

}  // namespace vigil::edge
