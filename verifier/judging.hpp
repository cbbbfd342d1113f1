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
/// verdicts. Thread-safe. Throws StoreFailed.
class Judging {
public:
    Judging(Store& store, Roster& roster, Schedule& schedule);

    /// Either all proofs are judged or, while a window before theirs is still open, only those of
    /// calibrations: they are compared with nothing, and a later one takes their place.
    Expected<JudgedAnswer, Refusal> judge(const ArrivedAnswer& arrived);

private:
    void catch_up(WindowIndex window);
    bool judgeable(const RosterDevice& device, const CheckClaim& claim) const;
    bool may_look_up(const NodeId& node);

    Store& store_;
    Roster& roster_;
    Schedule& schedule_;
    std::mutex mutex_;
    // guarded by mutex_
    std::chrono::steady_clock::time_point looked_{};
    std::unordered_map<NodeId, std::chrono::steady_clock::time_point, FirstBytes> looked_up_;
};

}  // namespace vigil::verifier
