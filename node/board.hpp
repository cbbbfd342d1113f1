#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "core/schedule/calendar.hpp"
#include "core/work/searcher.hpp"
#include "health/monitor.hpp"
#include "node/terms.hpp"
#include "node/version_advice.hpp"
#include "node/workload.hpp"

namespace vigil::node {

/// What a verdict said of a roll call's window, as far as this node was told.
enum class WindowMark : std::uint8_t { open, passed, failed, voided };
std::string_view to_string(WindowMark mark);

struct DeviceStatus {
    std::string label;  ///< "cpu0", "cuda1": short, for lines and labels
    DeviceDescription description;
    DeviceId id;
    std::string state = "idle";  ///< "idle", "roll call", "failing: …"
    double hashes_per_second{};  ///< of the last slice searched; the device's own counter
    double rate_10s{};           ///< over the latest 10 s of hashing; 0 before the first check
    double rate_15m{};           ///< over the latest 15 minutes of hashing
    std::uint64_t hashes_total{};
    std::uint64_t failures{};
    std::uint64_t mismatches{};
    health::Health health;
    std::string paused;  ///< by which of the owner's limits; empty: it may work
    Instant paused_since;
    std::uint64_t missed_while_paused{};  ///< checks, since paused_since
    std::optional<Instant> retires_from;  ///< by the verifier's clock; nothing: it goes on
    bool retired{};                       ///< that moment has come
    std::optional<JudgedCheck> last_verdict;
    Instant last_verdict_at;
    std::int64_t day = -1;
    std::vector<WindowMark> windows;  ///< of `day`
};

/// What a receipt was for.
struct LastReceipt {
    Instant at;
    CheckKind kind{};
    AnswerId answer;
};
struct LastError {
    Instant at;
    std::string what;
};

/// What must run beside the node.
struct WorkloadStatus {
    std::string name;
    std::string way;  ///< "http 127.0.0.1:1234"
    bool pauses{};    ///< the devices, while it fails
    WorkloadState state;
};

struct NodeStatus {
    std::string version;
    NodeId node;
    std::string payout;
    std::string name;
    std::string verifier;
    std::string network;  ///< empty before the first connection
    NetworkId network_id;
    VersionAdvice advice;  ///< as of the last connection
    bool connected = false;
    bool polling = false;
    Instant connection_changed;
    std::string trouble;  ///< "E-UNREACHABLE: …"; empty while all is well
    std::optional<Milliseconds> round_trip;
    std::optional<Milliseconds> clock_offset;  ///< node − verifier
    std::uint64_t unsent{};                    ///< answers without a receipt
    std::uint64_t receipts{};
    std::optional<LastReceipt> last_receipt;  ///< since the start
    std::optional<LastError> last_error;      ///< of a device or an answer, since the start
    Instant started;
    Milliseconds slot_length{};      ///< 0: the network's policy is not known yet
    Milliseconds window_length{};    ///< as slot_length
    std::int64_t learned_slot = -1;  ///< the latest slot whose fleet check was learned
    std::vector<DeviceStatus> devices;
    std::vector<WorkloadStatus> workloads;
};

/// The node's state for people: written by whoever knows, read by /status and the console. Any
/// thread.
class Board {
public:
    explicit Board(NodeStatus start) : status_{std::move(start)} {}

    template <class Change>
    void change(Change&& how) {
        const std::lock_guard lock{mutex_};
        how(status_);
    }
    NodeStatus read() const {
        const std::lock_guard lock{mutex_};
        return status_;
    }

private:
    mutable std::mutex mutex_;
    NodeStatus status_;  // guarded by mutex_
};

/// "retired", "lost: …", "paused: …", else what it does.
std::string state_words(const DeviceStatus& device);
/// "retires 2026-01-31 00:00 UTC", "retired since …"; empty for a device that goes on.
std::string retirement_words(const DeviceStatus& device);
/// Whether nothing is asked of it at that moment of the verifier's clock (protocol 8.5).
inline bool retired_by(const DeviceStatus& device, Instant there) {
    return device.retires_from && *device.retires_from <= there;
}

/// The moment by which the next fleet check begins at the latest: each slot has one, at a moment
/// nobody knows before. By this machine's clock; nothing before the policy is known.
std::optional<Instant> next_check_by(const NodeStatus& status, Instant now);

/// Where a window stands in its day.
struct WindowPlace {
    DayIndex day;
    std::int64_t number{};  ///< 1 … of
    std::int64_t of{};
};
/// Of a roll call; nothing for other checks.
std::optional<WindowPlace> window_place(const JudgedCheck& judged,
                                        const std::optional<Calendar>& calendar);

/// Enters a verdict: the last one, and for a roll call its window. A new day starts with all
/// windows open.
void enter_verdict(DeviceStatus& device, const JudgedCheck& judged,
                   const std::optional<Calendar>& calendar, Instant now);

/// The stable JSON of /status and `status -o json`.
std::string status_json(const NodeStatus& status, Instant now);

}  // namespace vigil::node
