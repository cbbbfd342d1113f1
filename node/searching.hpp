#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/work/searcher.hpp"
#include "node/journal.hpp"
#include "node/terms.hpp"

namespace vigil::node {

/// What a device is asked to do for one check.
struct SearchOrder {
    DeviceId device;
    Challenge challenge;
    std::uint32_t k{};
    SteadyTime stop;
    std::uint64_t first_nonce{};
    std::optional<Progress> resume;
    unsigned duty = 100;  ///< percent of the time the device may work
};

/// How a search is watched and ended. Called on the searching thread.
struct SearchWatch {
    std::function<SteadyTime()> stop;  ///< asked between launches; may move closer
    std::function<bool()> abandon;     ///< true: leave at once, without an answer
    std::function<void(std::uint64_t hashes, std::chrono::steady_clock::duration)>
        hashed;                                                               ///< once a slice
    std::function<void(const Progress&)> progress;                            ///< once a slice
    std::function<void(const SearchFailed& why, Milliseconds pause)> failed;  ///< the device threw
};

struct SearchOutcome {
    std::vector<Found> best;  ///< up to k and a few spares, ascending
    std::uint64_t hashes_tried{};
    bool abandoned{};
    std::uint64_t mismatches{};  ///< reported by the device, not confirmed by the host (Searcher)
    Sieve sieve;                 ///< what passed the device's filter, beside what should have
};

/// Spares asked of a device beyond k, so that one wrong hash does not cost the check.
constexpr std::uint32_t spare_nonces = 8;

/// Searches until `stop` in slices of a second, so that progress can be kept (the results of a
/// search are known only at its end). A device that throws SearchFailed is tried again after a
/// growing pause while there is time.
SearchOutcome search_until(Searcher& searcher, const SearchOrder& order, const SearchWatch& watch);

/// The nonces that core computes the very hash for that the device claimed (protocol 4.4), at most
/// k of the smallest, ascending as numbers; and how many were left out.
struct Rechecked {
    std::vector<std::uint64_t> nonces;
    std::uint32_t mismatches{};
};
Rechecked recheck(const Challenge& challenge, std::span<const Found> found, std::uint32_t k);

/// Sleeps in short steps until `until` or until `wake` is true.
void sleep_until(SteadyTime until, const std::function<bool()>& wake);

}  // namespace vigil::node
