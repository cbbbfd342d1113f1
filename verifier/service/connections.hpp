#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "verifier/service/due_times.hpp"
#include "verifier/service/peers.hpp"

namespace vigil::verifier {

/// Ends connections that carry no stream and on which neither side has said anything for a while:
/// each costs a descriptor and a hundred kilobytes, and to open one takes no key. What carries a
/// stream costs nothing here; gRPC's own limit is a timer a connection that goes on beside its
/// streams, 2 % of a core for 8,000. Other calls need not be known here: whoever makes one waits
/// for less than that while, a node 10 s. Holds what was connected within that while, or still is.
/// Thread-safe; must outlive what hold() gives out.
class Connections {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    explicit Connections(std::chrono::milliseconds idle_after) : idle_after_{idle_after} {}
    Connections(const Connections&) = delete;

    /// A connection, before gRPC owns it.
    void came(int descriptor);
    /// Until its last owner lets go, the connection of that peer (gRPC's URI) may be silent, and
    /// where it has come with this address and port to several addresses of ours, each of them.
    std::shared_ptr<const void> hold(std::string_view peer);
    /// Ends what is idle. Of those without a stream, looks at each once in that while, or sooner.
    void end_idle(SteadyTime now);

    /// How many one address (edge::counted_as_one) has. Some of them may be gone: where they seem
    /// to be `limit` or more, a few are looked at, the next time the next few, and what is gone is
    /// forgotten.
    std::size_t of(const edge::PeerAddress& address, std::size_t limit);
    std::size_t size() const;

private:
    using Cookie = std::uint64_t;  ///< the kernel's: of one socket and no other
    struct Known {
        int descriptor;
        PeerSocket peer;
    };
    /// What gRPC calls by one name.
    struct Namesakes {
        std::vector<Cookie> connections;
        std::size_t held = 0;
    };
    using ByPeer = std::map<PeerSocket, Namesakes>;
    struct OfAddress {
        std::set<Cookie> connections;
        Cookie looked_at = 0;  ///< last
    };
    void let_go(const PeerSocket& peer);
    void forget(Cookie cookie);
    void forget_if_empty(ByPeer::iterator of_peer);

    const std::chrono::milliseconds idle_after_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::unordered_map<Cookie, Known> known_;
    ByPeer by_peer_;
    std::map<edge::PeerAddress, OfAddress> by_address_;
    DueTimes<SteadyTime> looks_;
};

}  // namespace vigil::verifier
