#include "verifier/service/door.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/edge/files.hpp"
#include "verifier/service/descriptors.hpp"
#include "verifier/service/peers.hpp"

namespace vigil::verifier {
namespace {

using std::chrono::ceil;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int most_in_the_kernel = 4'096;
constexpr int slower_when_crowded = 8;
constexpr int accepted_at_once = 256;
constexpr milliseconds no_descriptors_pause{100};
constexpr std::chrono::minutes lines_apart{1};

[[noreturn]] void cannot_listen(const std::string& where, const std::string& why) {
    throw edge::Fatal{edge::exit_configuration, "E-PORT",
                      "cannot listen on " + where + " (" + why +
                          "): the port is taken or may not be bound; choose another with --port"};
}

std::string authority(const std::string& address, std::uint16_t port) {
    const bool ipv6 = address.find(':') != std::string::npos && address.front() != '[';
    return (ipv6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolved(std::string address, std::uint16_t port) {
    const std::string where = authority(address, port);
    if (address.size() > 2 && address.front() == '[')
        address = address.substr(1, address.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failure =
        ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failure != 0) cannot_listen(where, ::gai_strerror(failure));
    return {found, &::freeaddrinfo};
}

void set(int socket, int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
}

std::uint16_t port_of(int socket) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&bound), &size);
    return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

/// Gave up while it waited, and said so.
bool has_left(int connection) {
    pollfd end{connection, POLLRDHUP, 0};  // also behind bytes that nobody has read
    return ::poll(&end, 1, 0) > 0;
}

}  // namespace

Door::Door(const DoorOptions& options)
    : apart_{std::chrono::nanoseconds{std::chrono::seconds{1}} / std::max(options.per_second, 1)},
      burst_{apart_ * std::max(options.burst - 1, 0)},
      crowded_{options.crowded},
      by_address_{options.by_address},
      most_of_address_{
          std::min(options.of_address, descriptors_of_an_address(descriptors_allowed()))},
      inside_{options.inside},
      turned_away_{options.turned_away},
      watch_{options.watch},
      most_waiting_{descriptors_at_the_door(descriptors_allowed())},
      wake_{::eventfd(0, EFD_CLOEXEC)},
      port_{options.port} {
    std::string why;
    // All of IPv4 means IPv6, too, where the machine has it.
    if (options.address == "0.0.0.0" && listen_at(*resolved("::", port_), why)) return;
    const Addresses found = resolved(options.address, port_);
    for (const addrinfo* at = found.get(); at; at = at->ai_next) listen_at(*at, why);
    if (!listeners_.empty()) return;
    ::close(wake_);
    cannot_listen(authority(options.address, options.port), why);
}

Door::~Door() {
    close();
    ::close(wake_);
}

bool Door::listen_at(const addrinfo& at, std::string& why) {
    const int socket =
        ::socket(at.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (socket < 0) {
        why = std::strerror(errno);
        return false;
    }
    set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);  // connections inherit it
    sockaddr_storage address{};
    std::memcpy(&address, at.ai_addr, at.ai_addrlen);
    if (at.ai_family == AF_INET6) {
        set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port_);
    } else {
        reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port_);
    }
    if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), at.ai_addrlen) != 0 ||
        ::listen(socket, most_in_the_kernel) != 0) {
        why = std::strerror(errno);
        ::close(socket);
        return false;
    }
    listeners_.push_back(socket);
    port_ = port_of(socket);
    return true;
}

void Door::open(Take take) {
    thread_ = std::thread{[this, take = std::move(take)] { serve(take); }};
}

void Door::close() {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        (void)!::write(wake_, &one, sizeof one);
        thread_.join();
    }
    while (const auto one = waiting_.take()) ::close(one->connection);
    for (const int listener : listeners_) ::close(listener);
    listeners_.clear();
}

bool Door::closing_within(milliseconds time) const {
    pollfd wake{wake_, POLLIN, 0};
    return ::poll(&wake, 1, static_cast<int>(time.count())) > 0;
}

bool Door::full() const { return waiting_.size() >= most_waiting_; }

/// Of poll(): until the next one may come in, when somebody waits.
int Door::pause(SteadyTime now) const {
    if (waiting_.size() == 0) return -1;
    return static_cast<int>(std::max(ceil<milliseconds>(next_ - now), milliseconds{0}).count());
}

void Door::serve(const Take& take) {
    std::vector<pollfd> waits{{wake_, POLLIN, 0}};
    for (const int listener : listeners_) waits.push_back({listener, POLLIN, 0});
    for (;;) {
        for (auto wait = waits.begin() + 1; wait != waits.end(); ++wait)
            wait->events = full() ? std::int16_t{0} : std::int16_t{POLLIN};
        const bool any = ::poll(waits.data(), waits.size(), pause(steady_clock::now())) > 0;
        if (any && waits.front().revents != 0) return;
        for (auto wait = waits.begin() + 1; any && wait != waits.end(); ++wait)
            if (wait->revents != 0 && !accept_all(wait->fd)) return;
        let_in(steady_clock::now(), take);
    }
}

/// False: closing.
bool Door::accept_all(int listener) {
    for (int n = 0; n < accepted_at_once && !full(); ++n) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const int connection = ::accept4(listener, reinterpret_cast<sockaddr*>(&from), &size,
                                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection < 0) {
            const bool no_room =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            // Those that wait would be reported again at once.
            return !no_room || !closing_within(no_descriptors_pause);
        }
        const auto peer = by_address_ ? peer_socket(from) : std::nullopt;
        const auto address = peer ? edge::counted_as_one(peer->address) : edge::PeerAddress{};
        if (peer && !has_room(address))
            turn_away(address, connection);
        else
            waiting_.put(address, {listener, connection});
    }
    return true;
}

bool Door::has_room(const edge::PeerAddress& address) const {
    const std::size_t waiting = waiting_.size_of(address);
    if (waiting >= std::min(most_waiting_ - waiting_.size(), most_of_address_)) return false;
    const std::size_t left = most_of_address_ - waiting;
    return !inside_ || inside_(address, left) < left;
}

void Door::turn_away(const edge::PeerAddress& address, int connection) {
    if (turned_away_) turned_away_();
    ::close(connection);
    const auto now = steady_clock::now();
    if (now < next_line_) return;
    next_line_ = now + lines_apart;
    spdlog::warn(
        "a connection of {} was turned away: {} of that address wait at the door, of {} places of "
        "which {} are taken, and {} are inside, of {} in all that an address may have. Where a "
        "balancer hides the nodes' addresses, set limits_per_address = false",
        peer_text(address), waiting_.size_of(address), most_waiting_, waiting_.size(),
        inside_ ? inside_(address, most_of_address_) : 0, most_of_address_);
}

void Door::let_in(SteadyTime now, const Take& take) {
    next_ = std::max(next_, now - burst_);
    while (next_ <= now) {
        const auto next = waiting_.take();
        if (!next) return;
        if (has_left(next->connection)) {
            ::close(next->connection);
            continue;
        }
        next_ += apart_ * (crowded_ && crowded_() ? slower_when_crowded : 1);
        edge::watch_by_kernel(next->connection, watch_);  // gRPC leaves it as it is
        take(next->listener, next->connection);
    }
}

}  // namespace vigil::verifier
