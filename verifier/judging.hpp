#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "verifier/answers.hpp"

namespace vigil::verifier {

/// An answer that is believed, ready to be recorded. `devices` in the order of its proofs.
struct JudgedAnswer {
    NodeId node;
    AnswerRecord record;
    std::vector<std::shared_ptr<const RosterDevice>> devices;

    const RosterDevice& device_of(const VerdictRecord& verdict) const;  ///< one of the record's
};

/// The first half of an answer's way (protocol 5.2 to 5.7): limits, signature, devices, challenges,
/// verdicts. Thread-safe. Reads the store only for what is unknown here, and then throws
/// StoreFailed; baselines are refreshed by whoever closes windows or follows.
class Judging {
public:
    Judging(Roster& roster, Schedule& schedule);

    /// Either all proofs are judged or, while a window before theirs is still open or its baselines
    /// are not shown yet, only those of calibrations: they are compared with nothing, and a later
    /// one takes their place.
    Expected<JudgedAnswer, Refusal> judge(const ArrivedAnswer& arrived);

private:
    bool judgeable(const RosterDevice& device, const CheckClaim& claim) const;
    bool may_look_up(const NodeId& node);

    Roster& roster_;
    Schedule& schedule_;
    std::mutex mutex_;
    // guarded by mutex_
    std::unordered_map<NodeId, std::chrono::steady_clock::time_point, FirstBytes> looked_up_;
};

}  // namespace vigil::verifier
