#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/schedule/beacon.hpp"
#include "core/schedule/challenge.hpp"
#include "verifier/roster.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A check of a device together with the place it takes in the store.
struct ScheduledCheck {
    Check check;
    CheckClaim claim;
};

/// What a window holds for the whole fleet. Without a day key (the verifier was down when it was
/// due) there are no checks, and the window is void (protocol 5.9 a).
struct WindowPlan {
    WindowIndex window;
    Span span;
    std::shared_ptr<const Policy> policy;
    PolicyHash policy_hash;
    std::optional<DayKey> key;
    std::vector<FleetCheck> fleet;  ///< empty without a key
};

/// Derives every check from the policies and day keys in the store (protocol 3). Nothing of it is
/// written down: the same store gives the same checks after a restart and on every replica.
/// Thread-safe; plans are cached: of 64 windows, the three newest ever asked for among them.
class Schedule {
public:
    /// The store must hold a genesis and a policy in force.
    explicit Schedule(Store& store);

    const NetworkId& network() const { return network_; }
    const Genesis& genesis() const { return genesis_; }
    Calendar calendar() const { return calendar_; }

    /// The policy that decides on a day: the one with the latest effective day not after it.
    std::shared_ptr<const Policy> policy_on(DayIndex day) const;
    PolicyHash policy_hash_on(DayIndex day) const;
    /// After a policy was added to the store.
    void refresh_policies();
    /// Shows what another verifier announced.
    void follow_policies();

    std::shared_ptr<const WindowPlan> plan(WindowIndex window);

    /// Since when a device enrolled at `now` takes part (protocol 8.5): as before, unless it is new
    /// (`known` is null) or its retirement had taken effect.
    Instant active_from(const DeviceRecord* known, Instant now) const;
    /// Whether the device takes part in a check that starts then: active by then, not retired on
    /// that day.
    bool takes_part(const RosterDevice& device, Instant start) const;
    /// The fleet and spot checks expected of a device in a window, by start.
    std::vector<ScheduledCheck> checks_of(const RosterDevice& device, const WindowPlan& plan) const;
    std::vector<ScheduledCheck> spot_checks_of(const RosterDevice& device,
                                               const WindowPlan& plan) const;
    ScheduledCheck fleet_check_of(const RosterDevice& device, const WindowPlan& plan,
                                  const FleetCheck& fleet) const;
    ScheduledCheck calibration_of(const RosterDevice& device,
                                  const CalibrationRecord& calibration) const;

    /// The check of this device that has this challenge and had started by `received`: among the
    /// fleet and spot checks of the window then and the one before, and the latest calibration.
    /// Nothing: an unknown challenge.
    std::optional<ScheduledCheck> find(const RosterDevice& device, const Challenge& challenge,
                                       Instant received);
    /// Checks a device may answer at `now`: started, deadline not passed.
    std::vector<ScheduledCheck> open_checks(const RosterDevice& device, Instant now);

private:
    using HashedPolicy = std::pair<std::shared_ptr<const Policy>, PolicyHash>;
    const HashedPolicy& in_force(DayIndex day) const;  ///< with mutex_ held
    ScheduledCheck scheduled(const RosterDevice& device, const WindowPlan& plan, CheckKind kind,
                             std::uint64_t ref, const Beacon& beacon, Instant start) const;

    Store& store_;
    Genesis genesis_;
    NetworkId network_;
    Calendar calendar_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::map<DayIndex, HashedPolicy> policies_;
    std::size_t policies_read_{};
    std::map<WindowIndex, std::shared_ptr<const WindowPlan>> plans_;
};

}  // namespace vigil::verifier
