#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/crypto/ed25519.hpp"
#include "verifier/baselines.hpp"
#include "verifier/device_index.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A device as the hot path needs it. Values never change; the roster replaces the whole.
struct RosterDevice {
    DeviceRef ref;
    DeviceId id;
    NodeId node;
    Instant enrolled;     ///< first
    Instant active_from;  ///< the enrolment by which it takes part (protocol 8.5)
    std::optional<DayIndex> retired_from;
    std::uint64_t baseline{};  ///< protocol 5.6 as known now; 0 before a first calibration
    std::optional<CalibrationRecord> calibration;  ///< the latest issued
    /// The part of the baseline that comes from roll calls; nothing: no valid one yet.
    std::optional<std::uint64_t> roll_call_baseline;
    std::optional<WindowIndex> as_of;  ///< last closed window when the baseline was read
    /// The latest, ascending by receive time; kept only while they can be the baseline.
    std::vector<Calibrated> calibrated;

    /// The baseline that judges the checks of the window that begins then (protocol 5.6): roll
    /// calls of the windows closed before it; while there are none, the latest calibration received
    /// before it; else 0. So it does not depend on when a check is judged. Only for window
    /// as_of + 1.
    std::uint64_t baseline_for(Instant window_begin) const;
};

struct RosterNode {
    NodeRef ref;
    NodeId id;
    VerifyingKey key;
    std::uint64_t sequence{};
    std::vector<DeviceId> devices;
};

/// Who is enrolled, in memory: loaded from the store at start, refreshed when something is
/// enrolled, retired, calibrated or closed here, and following what other verifiers wrote. All
/// members may be called from any thread; lookups share a lock for the time of a map lookup.
/// Pointers handed out stay valid and unchanged. Members that read the store throw StoreFailed and
/// then have changed nothing.
class Roster {
public:
    explicit Roster(Store& store);

    std::shared_ptr<const RosterNode> node(const NodeId& id) const;        ///< null: unknown
    std::shared_ptr<const RosterDevice> device(const DeviceId& id) const;  ///< null: unknown
    std::shared_ptr<const RosterDevice> device(DeviceRef ref) const;       ///< null: unknown
    /// All devices in ascending id order, which is the order of settlement (protocol 8.6).
    std::vector<std::shared_ptr<const RosterDevice>> devices() const;
    /// Of a bucket, those numbered from after + 1 on, up to the first that is not known yet, at
    /// most `most`.
    std::vector<std::shared_ptr<const RosterDevice>> devices_after(std::uint8_t bucket,
                                                                   std::int64_t after,
                                                                   std::size_t most) const;
    std::size_t node_count() const;
    std::size_t device_count() const;
    /// Grows whenever a node or device was added or changed; baselines do not count.
    std::uint64_t version() const;
    /// The last closed window when baselines were read; nothing: none was closed yet.
    std::optional<WindowIndex> as_of() const;

    /// Shows every enrolment, retirement and closing that was committed before the call, whoever
    /// wrote it. Three rows are read when there is none. How many enrolment entries are shown. A
    /// store that lacks what it held before (restored, or a failover lost commits) is read anew as
    /// a whole, and take_loss() says so.
    std::int64_t follow();
    /// What an operator must hear of it, once: whoever follows may be serving a stranger.
    std::optional<std::string> take_loss();
    /// The same for what was committed before `moment`: reads nothing when a reading began after
    /// it, so a crowd that comes at once is looked up once.
    void follow_since(std::chrono::steady_clock::time_point moment);

    /// How often all was read anew after a loss: what was kept of the store is not of this one.
    std::uint64_t readings() const { return readings_; }

    /// Reads one node and its devices again, after an enrolment, retirement or calibration was
    /// committed.
    void refresh(const NodeId& id);
    void await_refresh();  ///< returns when one that is under way is over
    /// After the verdict of a passed calibration was committed: it becomes the baseline of a device
    /// that has no valid roll call yet, as reading the store would show it. Neither reads nor waits
    /// for who does.
    void set_calibrated(const DeviceId& id, const Calibrated& calibrated);
    /// Reads all baselines again, after a window was closed: bucket by bucket, so that nobody waits
    /// for more than one of them. as_of() tells when it is through.
    void refresh_baselines();

private:
    using Device = std::shared_ptr<const RosterDevice>;
    struct NodeRead;
    struct Everything;
    /// Held by a refresh from its read to its end, so that none overtakes another.
    class Refreshing {
    public:
        explicit Refreshing(Roster& roster);
        ~Refreshing();
        Refreshing(const Refreshing&) = delete;
        Refreshing& operator=(const Refreshing&) = delete;

    private:
        const std::lock_guard<std::mutex> lock_;
        Roster& roster_;
    };
    Everything read_everything() const;
    void show(Everything all);
    void read_anew();  ///< with following_ held
    StoreFailed lost_row(const std::string& what);
    // with mutex_ held
    void tell(const DeviceId& id, const Calibrated& calibrated);
    void tell_again();
    void put(const NodeRecord& node, std::span<const DeviceRecord> devices,
             std::span<const CalibrationRecord> calibrations);
    NodeRead read_node(const NodeId& id);
    const Device* at(DeviceRef ref) const;
    void place(Device device);
    void refresh_bucket(std::uint8_t bucket);

    Store& store_;
    std::mutex following_;  ///< before refreshing_
    // guarded by following_
    std::int64_t followed_{};
    std::optional<EnrolmentEntry> followed_entry_;  ///< the last of them
    std::chrono::steady_clock::time_point looked_{};
    std::optional<std::string> loss_;  ///< that nobody has taken yet

    std::atomic<bool> lacks_rows_{false};  ///< the store does: to be read anew
    std::atomic<std::uint64_t> readings_{};
    std::mutex refreshing_;  ///< before mutex_; Refreshing
    mutable std::shared_mutex mutex_;
    // guarded by mutex_
    std::unordered_map<NodeId, std::shared_ptr<const RosterNode>, FirstBytes> nodes_;
    std::array<std::vector<Device>, 256> buckets_;  ///< by number − 1; null: not heard of yet
    DeviceIndex index_;
    std::size_t device_count_{};
    std::optional<WindowIndex> as_of_;
    std::uint64_t version_{};
    bool reading_{};  ///< a refresh is under way
    std::vector<std::pair<DeviceId, Calibrated>> told_meanwhile_;
    mutable std::vector<DeviceRef> order_;  ///< ascending by id, when version_ was order_version_
    mutable std::uint64_t order_version_{};
};

}  // namespace vigil::verifier
