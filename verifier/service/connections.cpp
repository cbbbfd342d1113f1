#include "verifier/service/connections.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace vigil::verifier {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// While no descriptor is left to look with.
constexpr std::chrono::seconds look_again{1};

/// 0: not a socket, or a kernel that does not tell.
std::uint64_t cookie_of(int descriptor) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::optional<PeerSocket> peer_of_socket(int descriptor) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&from), &size) != 0)
        return std::nullopt;
    if (from.ss_family == AF_INET6) {
        const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(from);
        PeerSocket peer{.address = {}, .port = ntohs(ipv6.sin6_port)};
        std::memcpy(peer.address.data(), &ipv6.sin6_addr, peer.address.size());
        return peer;
    }
    if (from.ss_family != AF_INET) return std::nullopt;
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(from);
    std::array<std::uint8_t, 4> address{};
    std::memcpy(address.data(), &ipv4.sin_addr, address.size());
    return mapped(address, ntohs(ipv4.sin_port));
}

/// Since either side sent data; that only the kernels asked each other does not count.
milliseconds silence_of(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
    return milliseconds{std::min(info.tcpi_last_data_recv, info.tcpi_last_data_sent)};
}

/// The socket behind a number that its owner may close, and give to another, at any moment.
class Borrowed {
public:
    Borrowed(int descriptor, std::uint64_t cookie)
        : own_{::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)},
          none_left_{own_ < 0 && (errno == EMFILE || errno == ENFILE)},
          same_{cookie_of(own_) == cookie} {}
    ~Borrowed() {
        if (own_ >= 0) ::close(own_);
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;

    bool is_there() const { return own_ >= 0 && same_; }
    bool cannot_be_told() const { return none_left_; }
    int descriptor() const { return own_; }

private:
    const int own_;
    const bool none_left_, same_;
};

}  // namespace

void Connections::came(int descriptor) {
    const Cookie cookie = cookie_of(descriptor);
    const auto peer = peer_of_socket(descriptor);
    if (cookie == 0 || !peer) return;
    const std::lock_guard lock{mutex_};
    known_.insert_or_assign(cookie, Known{.descriptor = descriptor, .peer = *peer});
    by_peer_.insert_or_assign(*peer, cookie);
    looks_.set(cookie, steady_clock::now() + idle_after_);
}

std::shared_ptr<const void> Connections::hold(std::string_view peer) {
    const auto socket = peer_socket(peer);
    const std::lock_guard lock{mutex_};
    const auto at = socket ? by_peer_.find(*socket) : by_peer_.end();
    if (at == by_peer_.end()) return nullptr;
    const Cookie cookie = at->second;
    if (known_.at(cookie).held++ == 0) looks_.forget(cookie);
    return {this, [cookie](Connections* of) { of->let_go(cookie); }};
}

void Connections::let_go(Cookie cookie) {
    const std::lock_guard lock{mutex_};
    if (--known_.at(cookie).held == 0) looks_.set(cookie, steady_clock::now() + idle_after_);
}

void Connections::forget(Cookie cookie) {
    const auto known = known_.find(cookie);
    const auto of_peer = by_peer_.find(known->second.peer);
    if (of_peer != by_peer_.end() && of_peer->second == cookie) by_peer_.erase(of_peer);
    known_.erase(known);
}

void Connections::end_idle(SteadyTime now) {
    const std::lock_guard lock{mutex_};
    for (const Cookie cookie : looks_.take(now)) {
        const Borrowed connection{known_.at(cookie).descriptor, cookie};
        if (connection.cannot_be_told()) {
            looks_.set(cookie, now + look_again);
            continue;
        }
        if (!connection.is_there()) {
            forget(cookie);
            continue;
        }
        const milliseconds silence = silence_of(connection.descriptor());
        if (silence < idle_after_) {
            looks_.set(cookie, now + (idle_after_ - silence));
            continue;
        }
        ::shutdown(connection.descriptor(), SHUT_RDWR);  // gRPC sees its end, and closes it
        forget(cookie);
    }
}

std::size_t Connections::size() const {
    const std::lock_guard lock{mutex_};
    return known_.size();
}

}  // namespace vigil::verifier
