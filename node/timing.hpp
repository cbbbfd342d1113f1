#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "node/terms.hpp"

namespace vigil::node {

/// When a device searches for one check. All times of this process's monotonic clock.
struct SearchPlan {
    SteadyTime start;      ///< the published start, as far as this node can tell
    SteadyTime stop;       ///< stop searching and answer
    SteadyTime last_stop;  ///< the latest stop that still arrives in time
    SteadyTime deadline;
    bool late{};  ///< learned so late that the search goes on longer to make up for it
};

/// Time kept free before a check's deadline for recheck, signing and sending: max(400 ms, 2 × round
/// trip). While the round trip is unknown (0): 1 s, or a quarter of a slack shorter than 4 s.
Milliseconds deadline_margin(const OpenCheck& check, Milliseconds round_trip);

/// Plans a search that can begin at `now` for a check learned at `learned`. Learned on time, it
/// lasts work + extra (protocol 3.7). A rate is work over the time since the published start (5.5),
/// so a check learned late is searched until the delay weighs 10 %, or as near the deadline as is
/// safe: going on longer would stake a sure pass on the last moments of the line. Empty when there
/// is no time left.
std::optional<SearchPlan> plan_search(const OpenCheck& check, SteadyTime learned, SteadyTime now,
                                      Milliseconds extra, Milliseconds margin);

/// Whether a check that came while another is searched until `busy_until` can wait for its turn and
/// still get its whole working time before its own last safe stop.
bool can_wait(const OpenCheck& check, SteadyTime learned, SteadyTime busy_until,
              Milliseconds margin);

/// Growing pauses between attempts: `first`, doubling to `longest`, each drawn between a half and
/// the whole, so that a fleet does not come back in one instant.
class Backoff {
public:
    Backoff(Milliseconds first, Milliseconds longest, std::uint64_t seed);

    Milliseconds next();
    void reset() { step_ = first_; }

private:
    Milliseconds first_;
    Milliseconds longest_;
    Milliseconds step_;
    std::uint64_t state_;
};

/// Seeds from the operating system's generator: for first nonces and jitter.
std::uint64_t random_u64();

}  // namespace vigil::node
