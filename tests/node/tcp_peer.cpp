#include "tests/node/tcp_peer.hpp"

#include <array>
#include <chrono>
#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace vigil::node::test {
namespace {

sockaddr_in local(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
}

/// In the kernel, before it is acknowledged.
void drop_what_arrives(int socket) {
    sock_filter nothing{BPF_RET | BPF_K, 0, 0, 0};
    const sock_fprog program{1, &nothing};
    if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        throw std::runtime_error{"no filter can be set on a socket"};
}

}  // namespace

TcpPeer::TcpPeer(Manner manner, int target) : manner_{manner}, target_{target} {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = local(0);
    socklen_t size = sizeof address;
    if (::bind(listening_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listening_, 16) != 0 ||
        ::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error{"no port to listen on"};
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this] { serve(); }};
}

TcpPeer::~TcpPeer() {
    stopping_ = true;
    thread_.join();
    for (const Pair& pair : pairs_)
        for (const int end : pair.ends) ::close(end);
    ::close(listening_);
}

void TcpPeer::swallow() { lose(Loss::swallowed); }
void TcpPeer::vanish() { lose(Loss::vanished); }

void TcpPeer::lose(Loss how) {
    loss_ = how;
    while (loss_ != Loss::none) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

void TcpPeer::serve() {
    while (!stopping_) {
        if (const Loss how = loss_; how != Loss::none) {
            for (Pair& pair : pairs_) {
                pair.open = false;
                if (how == Loss::vanished)
                    for (const int end : pair.ends) drop_what_arrives(end);
            }
            loss_ = Loss::none;
        }
        std::vector<pollfd> waits{{listening_, POLLIN, 0}};
        std::vector<std::pair<std::size_t, int>> whose;
        for (std::size_t i = 0; i < pairs_.size(); ++i)
            for (int end = 0; pairs_[i].open && end < 2; ++end) {
                waits.push_back({pairs_[i].ends[end], POLLIN, 0});
                whose.emplace_back(i, end);
            }
        if (::poll(waits.data(), waits.size(), 20) <= 0) continue;
        for (std::size_t i = 1; i < waits.size(); ++i)
            if (waits[i].revents != 0 && pairs_[whose[i - 1].first].open)
                carry(pairs_[whose[i - 1].first], whose[i - 1].second);
        if (waits[0].revents != 0) accept_one();
    }
}

void TcpPeer::accept_one() {
    const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    if (manner_ == Manner::relays) {
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = local(target_);
        if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            pairs_.push_back({{client, server}});
            return;
        }
        ::close(server);
    } else {
        // Only after the first bytes: a client must be in its handshake.
        std::array<char, 4096> hello{};
        pollfd wait{client, POLLIN, 0};
        constexpr std::string_view page = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
        if (::poll(&wait, 1, 1000) > 0 && ::recv(client, hello.data(), hello.size(), 0) > 0 &&
            manner_ == Manner::speaks_http)
            ::send(client, page.data(), page.size(), MSG_NOSIGNAL);
    }
    ::close(client);
}

void TcpPeer::carry(Pair& pair, int from) {
    std::array<char, 16384> part{};
    const ssize_t count = ::recv(pair.ends[from], part.data(), part.size(), 0);
    if (count > 0) {
        ::send(pair.ends[1 - from], part.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
        return;
    }
    pair.open = false;
    for (const int end : pair.ends) ::shutdown(end, SHUT_RDWR);
}

}  // namespace vigil::node::test
