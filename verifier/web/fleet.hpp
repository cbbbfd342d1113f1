#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verifier/schedule.hpp"
#include "verifier/web/pulse.hpp"

namespace vigil::verifier::web {

/// A hash rate with half of its 95 % interval (protocol 5.8), hashes per second.
struct MeasuredRate {
    double value{}, half_width{};
    MeasuredRate& operator+=(const MeasuredRate& other);  ///< of independent measurements
};
/// The mean of `proofs` measurements with k nonces each.
MeasuredRate measured(double mean, std::uint32_t k, std::size_t proofs);

/// By the device's latest checks:
enum class State : std::uint8_t {
    online,   ///< passed since the latest fleet check that is over began
    suspect,  ///< did not, but passed a check within a window's length before it
    offline,  ///< neither
    waiting,  ///< no fleet check was due yet since it was enrolled
    retired   ///< no longer checked
};
constexpr std::size_t state_count = 5;
std::string_view to_string(State state);

/// A settled day of a device, as much as 30 of them are kept for each device.
struct PastDay {
    std::uint8_t outcome{};          ///< DayOutcome; 0: it has none
    std::uint16_t counted{}, due{};  ///< windows complete or void; windows
};
constexpr std::int64_t days_kept = 30;

struct FleetDevice {
    DeviceRef ref;
    DeviceId id;
    std::uint32_t node{}, provider{}, model{};  ///< positions in their tables
    Instant active_from;
    std::optional<DayIndex> retired_from;
    MeasuredRate rate;         ///< mean of the last six valid roll calls, or the calibration
    std::uint32_t measured{};  ///< roll calls in it; 0: a calibration, or nothing
    Standing standing;
    std::vector<PastDay> past;  ///< days_kept of them, the last settled day last; or none
    std::uint32_t up_run{};     ///< days up in a row, excused ones passed over; at most 30
    std::uint32_t counted_30d{}, due_30d{};
    std::vector<WindowOutcome> today;  ///< of the closed windows of the day, in order
    Micro credit_so_far;               ///< of that day, if every window to come were incomplete
};

/// What a provider, or the network, has in one region, as owners claim it.
struct RegionPart {
    std::uint32_t region{};   ///< of records.regions
    std::uint32_t devices{};  ///< that are not retired
    std::uint32_t counted_30d{}, due_30d{};
    MeasuredRate rate;
};

struct FleetProvider {
    PayoutAddress payout;
    std::string name;  ///< of its first node, claimed
    std::size_t nodes{};
    std::string regions;   ///< claimed, by commas
    std::string haystack;  ///< what a search looks through, lower case
    std::vector<std::uint32_t> devices;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> models;  ///< model, how many; most first
    std::vector<RegionPart> by_region;                            ///< most devices first
    MeasuredRate rate;                                            ///< 0: nothing was measured
    std::uint32_t counted_30d{}, due_30d{};
    std::uint32_t up_run{}, grace_left{};  ///< the least of its devices that are not retired
    Micro credit_so_far, balance;
    std::size_t rank{};  ///< by balance, 1 is first
    double pass_rate() const { return due_30d == 0 ? -1 : double(counted_30d) / double(due_30d); }
};

/// Of ids and addresses a search compares so many digits.
constexpr std::size_t id_digits_searched = 16;

struct FleetNode {
    NodeId id;
    std::string name, region, version;  ///< claimed
    PayoutAddress payout;
    std::string payout_text;       ///< with its checksum, which takes a hash to write
    std::uint32_t region_place{};  ///< of records.regions
};

enum class ProviderOrder : std::uint8_t { rank, name, rate, pass_rate, up_run, grace, today };
constexpr std::size_t provider_orders = 7;

/// A point of the network's verified rate.
struct RatePoint {
    Instant at;
    MeasuredRate rate;
    std::size_t devices{};  ///< that were measured
};

/// Everything that changes when a window closes, a day is settled or a device is enrolled.
struct FleetRecords {
    std::uint64_t roster_version{};
    std::optional<WindowIndex> closed;  ///< last closed window
    std::optional<SettledDay> settled;  ///< last settled day
    Instant read;                       ///< when
    DayIndex today;                     ///< of `read`
    std::vector<FleetNode> nodes;
    std::vector<std::string> models;
    std::vector<std::string> regions;  ///< claimed; one may be empty
    std::vector<FleetDevice> devices;  ///< ascending by id
    std::vector<FleetProvider> providers;
    std::array<std::vector<std::uint32_t>, provider_orders> orders;  ///< best first; names a to z
    std::map<PayoutAddress, std::uint32_t> by_payout;
    std::array<std::size_t, 7> windows_today{};  ///< by WindowOutcome
    Micro balance, credit_so_far;
    std::vector<RegionPart> by_region;  ///< of all devices; most devices first
    std::vector<RatePoint> history;     ///< ascending; of windows
};

/// What pages show of the whole network. Never changes; a newer one replaces it.
struct Fleet {
    std::shared_ptr<const FleetRecords> records;
    Instant at;
    std::vector<State> states;  ///< of records->devices
    std::array<std::size_t, state_count> counts{};
    std::vector<std::array<std::uint32_t, state_count>> provider_states;
    MeasuredRate rate;  ///< of the devices online
    std::optional<RollCallAnswers> roll_call;
    std::size_t roll_call_expected{};
    std::uint64_t version{};  ///< grows whenever `records` is another
};

/// Reads everything once; `before`, when given, spares reading past days again. Throws StoreFailed.
std::shared_ptr<const FleetRecords> read_records(Store& store, const Schedule& schedule,
                                                 std::uint64_t roster_version, Instant now,
                                                 const FleetRecords* before);

/// Adds what is known at this moment.
std::shared_ptr<const Fleet> fleet_at(std::shared_ptr<const FleetRecords> records, Instant now,
                                      Schedule& schedule, const Pulse& pulse,
                                      std::uint64_t version);

/// The latest fleet check that was over, with `grace` for answers on their way; nothing: none.
std::optional<FleetCheck> last_fleet_check(Schedule& schedule, Instant now);

}  // namespace vigil::verifier::web
