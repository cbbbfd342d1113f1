#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "core/base/bytes.hpp"

namespace vigil::verifier {

class NetworkThread;

/// Where the open session of a node is. Thread-safe.
class Switchboard {
public:
    struct Route {
        std::shared_ptr<NetworkThread> thread;
        std::uint64_t session{};
        friend bool operator==(const Route&, const Route&) = default;
    };

    /// The newest session wins; what it replaces is returned.
    std::optional<Route> connect(const NodeId& node, Route route) {
        const std::lock_guard lock{mutex_};
        auto [place, fresh] = routes_.try_emplace(node, route);
        if (fresh) return std::nullopt;
        return std::exchange(place->second, std::move(route));
    }
    /// Unless a newer session took the place.
    void disconnect(const NodeId& node, const Route& route) {
        const std::lock_guard lock{mutex_};
        const auto found = routes_.find(node);
        if (found != routes_.end() && found->second == route) routes_.erase(found);
    }
    std::optional<Route> find(const NodeId& node) const {
        const std::lock_guard lock{mutex_};
        const auto found = routes_.find(node);
        return found == routes_.end() ? std::nullopt : std::optional{found->second};
    }
    std::size_t size() const {
        const std::lock_guard lock{mutex_};
        return routes_.size();
    }
    void clear() {
        const std::lock_guard lock{mutex_};
        routes_.clear();
    }

private:
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::unordered_map<NodeId, Route, FirstBytes> routes_;
};

}  // namespace vigil::verifier
