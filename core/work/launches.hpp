#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "core/work/best_k.hpp"
#include "core/work/searcher.hpp"

namespace vigil {

/// One kernel launch. Every nonce of the range with hash64 ≤ threshold64 is a hit; a kernel that
/// compares only the first 32 bits may report others too.
struct Launch {
    NonceRange range;
    std::uint64_t threshold64{};
};

/// What a device wrote: `found` holds the nonces of all hits, or as many as its list has room for.
struct LaunchOutcome {
    std::uint64_t hits{};
    std::span<const std::uint64_t> found;
    Sieve sieve{};  ///< of all it computed, also outside the range
};

struct LaunchLimits {
    std::size_t found_capacity{};  ///< room in the device's list of hits, at least 1
    /// A launch is kept short enough to expect at most this many, at least 1.
    std::uint64_t hits_expected{};
    std::uint64_t nonces{std::uint64_t{1} << 40};  ///< the most of one launch, at least 1
    /// What keeps all of the device busy once: a launch longer than this ends at a multiple of
    /// `unit` and takes a multiple of this, so that no part of the device waits for another at its
    /// end.
    std::uint64_t wave{1};
    std::uint64_t unit{1};  ///< a power of two that divides `wave`
};

/// Which launches make up a search on a device that only knows a threshold and a bounded list of
/// hits. Lossless: a launch whose list overflowed is repeated with a lower threshold, or in halves.
/// Hits are recomputed by pow_hash before they count, and what is none is counted: see
/// mismatches(). Not thread-safe; reads no clock.
class LaunchPlan {
public:
    LaunchPlan(const SearchJob& job, LaunchLimits limits);

    /// The next launch, of at most `nonces` new ones, or empty when none is left to start.
    std::optional<Launch> next(std::uint64_t nonces);
    void complete(const Launch& launch, const LaunchOutcome& outcome);
    /// Starts no new nonces; what has overflowed is still repeated, so that the nonces tried stay a
    /// prefix.
    void close() { closed_ = true; }

    std::uint64_t tried() const { return tried_; }
    bool range_exhausted() const { return exhausted_; }
    /// What the device reported that can be no hit: out of the launch's range, twice, or with
    /// another hash than it must have computed.
    std::uint64_t mismatches() const { return mismatches_; }
    const Sieve& sieve() const { return sieve_; }
    std::vector<Found> best() const { return best_.sorted(); }

private:
    std::uint64_t bounded_by_hits(std::uint64_t nonces) const;
    std::uint64_t in_whole_waves(std::uint64_t nonces) const;
    void repeat(const Launch& launch, std::span<const std::uint64_t> found);

    Challenge challenge_;
    LaunchLimits limits_;
    NonceRange left_;  // meaningless once exhausted_
    bool exhausted_{};
    bool closed_{};
    BestK best_;
    std::uint64_t threshold64_;
    std::vector<NonceRange> repeats_;
    std::uint64_t tried_{};
    std::uint64_t mismatches_{};
    Sieve sieve_;
};

/// The length of the next launch, for about 50 ms, from how long the last one took.
std::uint64_t next_launch_nonces(std::uint64_t nonces, std::chrono::steady_clock::duration took);

/// A device with room for two launches, slots 0 and 1, worked off in the order of their starts.
struct LaunchDevice {
    LaunchLimits limits;
    std::function<void(unsigned slot, const Launch& launch)> start;
    /// Blocks until the launch is complete. The outcome is read before the slot is started again.
    std::function<LaunchOutcome(unsigned slot)> wait;
    std::function<std::chrono::steady_clock::time_point()> now;
};

/// Searcher::search for such a device. Keeps two launches in flight, but one where the owner sleeps
/// in keep_searching: a sleep is to rest the device. `launch_nonces` is kept by the caller between
/// searches.
SearchResult search_in_launches(const SearchJob& job, const KeepSearching& keep_searching,
                                const LaunchDevice& device, std::uint64_t& launch_nonces);

}  // namespace vigil
