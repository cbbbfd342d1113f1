#include "verifier/service/connections.hpp"

#include <algorithm>
#include <cerrno>
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
/// For one that comes: a few microseconds.
constexpr int looks_at_once = 16;

/// 0: not a socket, or a kernel that does not tell.
std::uint64_t cookie_of(int descriptor) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::optional<PeerSocket> peer_of_socket(int descriptor) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const bool told = ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&from), &size) == 0;
    return told ? peer_socket(from) : std::nullopt;
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
    if (!known_.emplace(cookie, Known{.descriptor = descriptor, .peer = *peer}).second) return;
    by_address_[edge::counted_as_one(peer->address)].connections.insert(cookie);
    Namesakes& same = by_peer_[*peer];
    same.connections.push_back(cookie);
    if (same.held == 0) looks_.set(cookie, steady_clock::now() + idle_after_);
}

std::shared_ptr<const void> Connections::hold(std::string_view peer) {
    const auto socket = peer_socket(peer);
    const std::lock_guard lock{mutex_};
    const auto at = socket ? by_peer_.find(*socket) : by_peer_.end();
    if (at == by_peer_.end()) return nullptr;
    if (at->second.held++ == 0)
        for (const Cookie cookie : at->second.connections) looks_.forget(cookie);
    return {this, [peer = *socket](Connections* of) { of->let_go(peer); }};
}

void Connections::let_go(const PeerSocket& peer) {
    const std::lock_guard lock{mutex_};
    const auto at = by_peer_.find(peer);
    if (--at->second.held > 0) return;
    for (const Cookie cookie : at->second.connections)
        looks_.set(cookie, steady_clock::now() + idle_after_);
    forget_if_empty(at);
}

void Connections::forget(Cookie cookie) {
    const auto known = known_.find(cookie);
    const PeerSocket& peer = known->second.peer;
    const auto of_address = by_address_.find(edge::counted_as_one(peer.address));
    of_address->second.connections.erase(cookie);
    if (of_address->second.connections.empty()) by_address_.erase(of_address);
    const auto of_peer = by_peer_.find(peer);
    std::erase(of_peer->second.connections, cookie);
    forget_if_empty(of_peer);
    looks_.forget(cookie);
    known_.erase(known);
}

void Connections::forget_if_empty(ByPeer::iterator of_peer) {
    if (of_peer->second.connections.empty() && of_peer->second.held == 0) by_peer_.erase(of_peer);
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

std::size_t Connections::of(const edge::PeerAddress& address, std::size_t limit) {
    const std::lock_guard lock{mutex_};
    const auto found = by_address_.find(address);
    if (found == by_address_.end()) return 0;
    auto& [connections, looked_at] = found->second;
    for (int looks = 0; looks < looks_at_once && connections.size() >= limit; ++looks) {
        auto next = connections.upper_bound(looked_at);
        if (next == connections.end()) next = connections.begin();
        looked_at = *next;
        const Borrowed connection{known_.at(looked_at).descriptor, looked_at};
        if (connection.is_there() || connection.cannot_be_told()) continue;
        const bool last = connections.size() == 1;
        forget(Cookie{looked_at});
        if (last) return 0;
    }
    return connections.size();
}

std::size_t Connections::size() const {
    const std::lock_guard lock{mutex_};
    return known_.size();
}

}  // namespace vigil::verifier
