#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

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
    /// Until its last owner lets go, the connection of that peer (gRPC's URI) may be silent.
    std::shared_ptr<const void> hold(std::string_view peer);
    /// Ends what is idle. Of those without a stream, looks at each once in that while, or sooner.
    void end_idle(SteadyTime now);

    std::size_t size() const;

private:
    using Cookie = std::uint64_t;  ///< the kernel's: of one socket and no other
    struct Known {
        int descriptor;
        PeerSocket peer;
        std::size_t held = 0;
    };
    void let_go(Cookie cookie);
    void forget(Cookie cookie);

    const std::chrono::milliseconds idle_after_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::unordered_map<Cookie, Known> known_;
    std::map<PeerSocket, Cookie> by_peer_;
    DueTimes<SteadyTime> looks_;
};

}  // namespace vigil::verifier
