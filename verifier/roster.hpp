#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/crypto/ed25519.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A device as the hot path needs it. Values never change; the roster replaces the whole.
struct RosterDevice {
    DeviceRef ref;
    DeviceId id;
    NodeId node;
    Instant enrolled;
    std::optional<DayIndex> retired_from;
    std::uint64_t
        baseline{};  ///< protocol 5.6, as of the last closed window; 0 before a first calibration
    std::optional<CalibrationRecord> calibration;  ///< the latest issued
};

struct RosterNode {
    NodeRef ref;
    NodeId id;
    VerifyingKey key;
    std::uint64_t sequence{};
    std::vector<DeviceId> devices;
};

/// Who is enrolled, in memory: loaded from the store at start, refreshed when something is
/// enrolled, retired, calibrated or closed. All members may be called from any thread; lookups
/// share a lock for the time of a map lookup. Pointers handed out stay valid and unchanged.
class Roster {
public:
    explicit Roster(Store& store);

    std::shared_ptr<const RosterNode> node(const NodeId& id) const;        ///< null: unknown
    std::shared_ptr<const RosterDevice> device(const DeviceId& id) const;  ///< null: unknown
    std::shared_ptr<const RosterDevice> device(DeviceRef ref) const;       ///< null: unknown
    /// All devices in ascending id order, which is the order of settlement (protocol 8.6).
    std::vector<std::shared_ptr<const RosterDevice>> devices() const;
    std::size_t node_count() const;

    /// Reads one node and its devices again, after an enrolment, retirement or calibration was
    /// committed.
    void refresh(const NodeId& id);
    /// The rate of a passed calibration; becomes the baseline of a device that has no valid roll
    /// call yet.
    void set_calibrated(const DeviceId& id, std::uint64_t rate);
    /// Reads all baselines again, after a window was closed.
    void refresh_baselines();

private:
    struct Rates {
        std::vector<std::uint64_t> roll_calls;
        std::optional<std::uint64_t> calibration;
    };
    Store& store_;
    mutable std::shared_mutex mutex_;
    // guarded by mutex_
    std::unordered_map<NodeId, std::shared_ptr<const RosterNode>, FirstBytes> nodes_;
    std::unordered_map<DeviceId, std::shared_ptr<const RosterDevice>, FirstBytes> devices_;
    std::unordered_map<DeviceId, Rates, FirstBytes> rates_;
};

}  // namespace vigil::verifier
