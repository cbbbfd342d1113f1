#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "proto/edge/kernel_watch.hpp"
#include "proto/edge/peer_address.hpp"
#include "verifier/service/waiting_line.hpp"

struct addrinfo;

namespace vigil::verifier {

struct DoorOptions {
    std::string address;
    std::uint16_t port = 0;  ///< 0: a free one
    int per_second = 800;    ///< connections that may come in
    int burst = 400;         ///< that many at once
    /// Whether those inside have not caught up: then an eighth of that may come in. Any thread.
    std::function<bool()> crowded = {};
    bool by_address = true;  ///< false: behind a proxy, all have its address
    /// Connections of an address at most, waiting and inside.
    std::size_t of_address = 4'096;
    /// How many of it (edge::counted_as_one) are inside. Where they are `limit` or more, some that
    /// ended are looked for, a few at a time; the others still count.
    using Inside = std::function<std::size_t(const edge::PeerAddress&, std::size_t limit)>;
    Inside inside = {};                      ///< the door's thread
    std::function<void()> turned_away = {};  ///< one whose address has its share. The door's thread
    edge::KernelWatch watch{std::chrono::seconds{30}, std::chrono::seconds{30}};  ///< of peers
};

/// The port that nodes connect to. A TLS handshake costs the network threads as much as fifteen
/// answers, and a call can be refused only after it; so where many come at once, as after a
/// restart, they wait here before it, where each costs a descriptor, and those that are inside are
/// served meanwhile. Addresses (a /64 of IPv6) take turns, so that nobody is kept out by how many
/// come from one; those of one alone, as behind a NAT, have the whole rate.
///
/// Bounds: 8,192 wait, or a quarter of the descriptors that the process may have. An address that
/// has as many as there are places left gets no more: one alone half of all, two a third each, so
/// that one is left for whoever else comes. Nor does one that has its share, waiting and inside:
/// 4,096, or half of what the descriptors carry. Who gets no place is hung up on. When all places
/// are taken others wait in the kernel's queue (4,096) or their own kernel's repetitions.
class Door {
public:
    using Take = std::function<void(int listener, int connection)>;  ///< owns the connection

    /// Listens, and lets nobody in yet. Throws edge::Fatal E-PORT.
    explicit Door(const DoorOptions& options);
    ~Door();  ///< closes
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    std::uint16_t port() const { return port_; }
    void open(Take take);  ///< on a thread of its own; once
    void close();          ///< who waits is turned away, and may go elsewhere at once

private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    struct Waiting {
        int listener, connection;
    };

    bool listen_at(const addrinfo& at, std::string& why);
    void serve(const Take& take);
    bool accept_all(int listener);
    void let_in(SteadyTime now, const Take& take);
    bool full() const;
    bool has_room(const edge::PeerAddress& address) const;
    void turn_away(const edge::PeerAddress& address, int connection);
    int pause(SteadyTime now) const;
    bool closing_within(std::chrono::milliseconds time) const;

    const std::chrono::nanoseconds apart_, burst_;
    const std::function<bool()> crowded_;
    const bool by_address_;
    const std::size_t most_of_address_;
    const DoorOptions::Inside inside_;
    const std::function<void()> turned_away_;
    const edge::KernelWatch watch_;
    const std::size_t most_waiting_;
    std::vector<int> listeners_;
    int wake_ = -1;  ///< an eventfd: closing
    std::uint16_t port_ = 0;
    std::thread thread_;
    // the thread's
    SteadyTime next_{};       ///< when the next one may come in
    SteadyTime next_line_{};  ///< of the log, about who is turned away
    WaitingLine<edge::PeerAddress, Waiting> waiting_;
};

}  // namespace vigil::verifier
