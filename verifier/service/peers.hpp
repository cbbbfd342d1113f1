#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/bytes.hpp"
#include "proto/edge/peer_address.hpp"

struct sockaddr_storage;

namespace vigil::verifier {

/// Who is counted as one peer (edge::counted_as_one), in gRPC's words, e.g. "ipv4:192.0.2.7".
/// `uri` is gRPC's, e.g. "ipv4:192.0.2.7:50123"; what has no such address stands for itself.
std::string peer_of(std::string_view uri);
/// The same of an address.
std::string peer_text(const edge::PeerAddress& address);

/// The socket at the other end.
struct PeerSocket {
    edge::PeerAddress address{};
    std::uint16_t port{};
    friend auto operator<=>(const PeerSocket&, const PeerSocket&) = default;
};
/// Nothing: neither IPv4 nor IPv6.
std::optional<PeerSocket> peer_socket(const sockaddr_storage& from);
/// Nothing: `uri`, gRPC's, names no address and port.
std::optional<PeerSocket> peer_socket(std::string_view uri);

/// Counts what is under way by key, and no key beyond `limit`. Holds the keys that have something
/// under way, so it is as large as that is. Thread-safe.
template <class Key>
class Tally {
public:
    explicit Tally(std::size_t limit) : limit_{limit} {}

    /// How many of `wanted` may begin; they are counted.
    std::size_t enter(const Key& key, std::size_t wanted = 1) {
        const std::lock_guard lock{mutex_};
        const auto at = counts_.try_emplace(key, 0).first;
        const std::size_t granted = std::min(wanted, limit_ - at->second);
        at->second += granted;
        if (at->second == 0) counts_.erase(at);
        return granted;
    }
    void leave(const Key& key, std::size_t ended = 1) {
        if (ended == 0) return;
        const std::lock_guard lock{mutex_};
        const auto at = counts_.find(key);
        if ((at->second -= ended) == 0) counts_.erase(at);
    }
    std::size_t keys() const {
        const std::lock_guard lock{mutex_};
        return counts_.size();
    }

private:
    const std::size_t limit_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::map<Key, std::size_t> counts_;
};

/// Answers of SubmitAnswers that have no reply yet. A caller has not proven which node it is until
/// its signature was verified, so a node's share is counted for each peer by itself: nobody uses up
/// that of another. Callers that cannot be told apart are not counted, or a stranger would use up
/// the share of a node by naming it; Answers bounds those of all callers together.
class Submissions {
public:
    Submissions(std::size_t of_node, std::size_t of_peer) : nodes_{of_node}, peers_{of_peer} {}

    /// How many of `wanted` may begin. `peer` empty: unknown, all.
    std::size_t enter(const std::string& peer, const NodeId& node, std::size_t wanted) {
        if (peer.empty()) return wanted;
        const std::size_t of_node = nodes_.enter({peer, node}, wanted);
        const std::size_t granted = peers_.enter(peer, of_node);
        nodes_.leave({peer, node}, of_node - granted);
        return granted;
    }
    void leave(const std::string& peer, const NodeId& node, std::size_t ended = 1) {
        if (peer.empty()) return;
        nodes_.leave({peer, node}, ended);
        peers_.leave(peer, ended);
    }

private:
    Tally<std::pair<std::string, NodeId>> nodes_;
    Tally<std::string> peers_;
};

/// So many at once, and so many of them for one peer. Thread-safe; outlives what take() gives out.
class Places {
public:
    Places(std::size_t all, std::size_t of_peer) : all_{all}, peers_{of_peer} {}
    Places(const Places&) = delete;

    /// Free again when its last owner lets go. Null: none is left. `peer` empty: unknown, and only
    /// all are counted.
    std::shared_ptr<const void> take(const std::string& peer) {
        if (peers_.enter(peer, peer.empty() ? 0 : 1) == 0 && !peer.empty()) return nullptr;
        std::shared_ptr<const void> place{this, [peer](Places* of) {
                                              --of->taken_;
                                              of->peers_.leave(peer, peer.empty() ? 0 : 1);
                                          }};
        return ++taken_ > all_ ? nullptr : place;
    }
    std::size_t taken() const { return taken_; }

private:
    const std::size_t all_;
    std::atomic<std::size_t> taken_{0};
    Tally<std::string> peers_;
};

}  // namespace vigil::verifier
