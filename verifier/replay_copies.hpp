#pragma once

#include <optional>

#include "core/schedule/calendar.hpp"
#include "verifier/replay.hpp"

namespace vigil::verifier::replaying {

/// What a replay takes over as the record has it: genesis, policies, day keys, heartbeats. Texts
/// are held against hashes and keys against commits; the rest follows from them.
class Copies {
public:
    Copies(Store& store, ReplayReport& report) : store_{store}, report_{report} {}

    /// Once, first. Throws StoreFailed when there is nothing to replay.
    Genesis found(Reader& record);
    /// What was added since; true: a policy was.
    bool take_added(Reader& record);
    void take_heartbeats(Reader& record, const Span& span);

private:
    void verify(const PolicyRecord& policy);
    void take_policies(const std::vector<PolicyRecord>& policies);
    void take_keys(Reader& record);

    Store& store_;
    ReplayReport& report_;
    NetworkId network_;
    DayIndex next_key_{INT64_MIN};
};

}  // namespace vigil::verifier::replaying
