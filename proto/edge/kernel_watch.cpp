#include "proto/edge/kernel_watch.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <sys/socket.h>

#include "proto/edge/files.hpp"

namespace vigil::edge {
namespace {

constexpr int asks = 3;

void set(int socket, int level, int option, std::chrono::milliseconds::rep value) {
    const int as_int = static_cast<int>(value);
    ::setsockopt(socket, level, option, &as_int, sizeof as_int);
}

template <class Number>
std::optional<Number> number(std::string_view text) {
    Number read{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), read);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return read;
}

/// Of a connected TCP socket; of anything else nothing.
std::optional<std::uint16_t> peer_port(int descriptor) {
    int protocol = 0;
    socklen_t size = sizeof protocol;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 ||
        protocol != IPPROTO_TCP)
        return std::nullopt;
    sockaddr_storage peer{};
    size = sizeof peer;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) != 0)
        return std::nullopt;
    return ntohs(peer.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(peer).sin6_port
                                            : reinterpret_cast<sockaddr_in&>(peer).sin_port);
}

}  // namespace

void watch_by_kernel(int socket, const KernelWatch& watch) {
    constexpr std::chrono::seconds shortest{1};
    // What was said to thousands at once must not be asked of them at once: so many packets in one
    // tick of the kernel's coarse timers are dropped, and those that live are ended.
    std::array<std::uint8_t, 1> drawn{};
    random_bytes(drawn);
    const auto least = std::max(watch.ask_after, shortest);
    const auto after = least + 2 * least * drawn[0] / 255;
    const auto within = std::max(watch.answer_within, shortest);
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, after.count());
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(within / asks, shortest).count());
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, asks);
    // It takes the place of the count, and begins with the silence: one lost packet is not the end.
    set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds{after + within}.count());
}

std::vector<int> connections_to(std::string_view address) {
    std::vector<int> found;
    const auto port = number<std::uint16_t>(address.substr(address.rfind(':') + 1));
    std::error_code failure;
    for (std::filesystem::directory_iterator entry{"/proc/self/fd", failure}, end;
         port && !failure && entry != end; entry.increment(failure)) {
        const auto descriptor = number<int>(entry->path().filename().string());
        if (descriptor && peer_port(*descriptor) == port) found.push_back(*descriptor);
    }
    return found;
}

}  // namespace vigil::edge
