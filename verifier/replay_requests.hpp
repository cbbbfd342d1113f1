#pragma once

#include <map>
#include <optional>

#include "verifier/replay.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier::replaying {

/// Signed requests and calibrations of a replay: verifies each as Enrolments did when it came, and
/// enters what follows from it into the second store.
class Requests {
public:
    Requests(Store& store, const Schedule& schedule, ReplayReport& report)
        : store_{store}, schedule_{schedule}, report_{report} {}

    /// The node that the roster has to read again.
    std::optional<NodeId> apply(const EnrolmentEntry& entry);
    void apply(const CalibrationRecord& calibration, const DeviceId& device);
    /// Requests that nothing came of are differences.
    void finish();

    std::optional<NodeId> node(NodeRef ref) const;
    std::int64_t count() const { return count_; }

private:
    struct Asked {
        EnrolmentEntry entry;
        std::uint64_t sequence{};
    };

    bool enrol(const EnrolmentEntry& entry);
    bool take_device_request(const EnrolmentEntry& entry);
    void differ(const EnrolmentEntry& entry, const std::string& why);

    Store& store_;
    const Schedule& schedule_;
    ReplayReport& report_;
    std::map<NodeRef, NodeId> nodes_;
    std::map<DeviceId, Asked> asked_;  ///< calibrations, until they are issued
    std::int64_t count_{};
};

}  // namespace vigil::verifier::replaying
