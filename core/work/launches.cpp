#include "core/work/launches.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>

#include "core/base/require.hpp"
#include "core/base/u128.hpp"
#include "core/work/pow_hash_many.hpp"

namespace vigil {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds launch_time{50};
constexpr std::uint64_t smallest_launch = 1'024;
constexpr std::uint64_t longest_launch = std::uint64_t{1} << 40;
/// An owner who takes longer than this to answer is resting the device.
constexpr std::chrono::milliseconds rest_time{5};

std::uint64_t count(NonceRange range) { return range.last - range.first + 1; }

std::uint64_t first64(const Hash& hash) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | hash.bytes[i];
    return out;
}

/// Offers what really is a hit of this launch, each nonce once, whatever the device wrote. Returns
/// how many it should not have written.
std::uint64_t offer(BestK& best, const Challenge& challenge, const Launch& launch,
                    std::span<const std::uint64_t> found) {
    std::vector<std::uint64_t> nonces{found.begin(), found.end()};
    std::sort(nonces.begin(), nonces.end());
    nonces.erase(std::unique(nonces.begin(), nonces.end()), nonces.end());
    std::vector<Hash> hashes(nonces.size());
    pow_hashes(challenge, nonces, hashes);
    std::uint64_t wrong = found.size() - nonces.size();
    for (std::size_t i = 0; i < nonces.size(); ++i) {
        const bool of_range = nonces[i] >= launch.range.first && nonces[i] <= launch.range.last;
        const std::uint64_t hash64 = first64(hashes[i]);
        if (of_range && hash64 <= launch.threshold64) best.offer({hashes[i], nonces[i]});
        if (!of_range || hash64 >> 32 > launch.threshold64 >> 32) ++wrong;
    }
    return wrong;
}

}  // namespace

LaunchPlan::LaunchPlan(const SearchJob& job, LaunchLimits limits)
    : challenge_{job.challenge},
      limits_{limits},
      left_{job.range},
      best_{job.k},
      threshold64_{std::numeric_limits<std::uint64_t>::max()} {
    require(job.k >= 1 && job.k <= 4'096, "k is 1 to 4,096");
    require(job.range.first <= job.range.last, "a range has a nonce");
    require(limits.found_capacity >= 1 && limits.hits_expected >= 1 && limits.nonces >= 1,
            "a launch can find something");
    require(limits.unit >= 1 && limits.wave >= limits.unit && limits.wave % limits.unit == 0,
            "a wave is of whole units");
}

std::optional<Launch> LaunchPlan::next(std::uint64_t nonces) {
    if (!repeats_.empty()) {
        const NonceRange range = repeats_.back();
        repeats_.pop_back();
        return Launch{range, threshold64_};
    }
    if (closed_ || exhausted_) return std::nullopt;
    const std::uint64_t more =
        in_whole_waves(bounded_by_hits(std::max<std::uint64_t>(nonces, 1))) - 1;
    const NonceRange range{left_.first, left_.first + std::min(more, left_.last - left_.first)};
    exhausted_ = range.last == left_.last;
    left_.first = range.last + 1;
    return Launch{range, threshold64_};
}

void LaunchPlan::complete(const Launch& launch, const LaunchOutcome& outcome) {
    if (outcome.hits - 1 > launch.range.last - launch.range.first && outcome.hits != 0)
        throw SearchFailed{"the device reports more hits than it was given nonces"};
    sieve_ += outcome.sieve;
    if (outcome.hits > outcome.found.size()) return repeat(launch, outcome.found);
    mismatches_ += offer(best_, challenge_, launch, outcome.found);
    threshold64_ = std::min(threshold64_, best_.threshold64());
    tried_ += count(launch.range);
}

std::uint64_t LaunchPlan::bounded_by_hits(std::uint64_t nonces) const {
    const u128 bound =
        (static_cast<u128>(limits_.hits_expected) << 64) / (static_cast<u128>(threshold64_) + 1);
    return static_cast<std::uint64_t>(std::min<u128>(std::min(nonces, limits_.nonces), bound));
}

std::uint64_t LaunchPlan::in_whole_waves(std::uint64_t nonces) const {
    if (nonces < limits_.wave) return nonces;
    return nonces / limits_.wave * limits_.wave - left_.first % limits_.unit;
}

/// The hits that did fit are a sample: the k-th smallest among them and what is known bounds the
/// final k-th from above. They are not kept, since the repeat finds them again.
void LaunchPlan::repeat(const Launch& launch, std::span<const std::uint64_t> found) {
    BestK sample = best_;
    mismatches_ += offer(sample, challenge_, launch, found);
    threshold64_ = std::min(threshold64_, sample.threshold64());
    const NonceRange all = launch.range;
    if (all.first == all.last)
        throw SearchFailed{"the device lost the hit of a launch of one nonce"};
    if (threshold64_ < launch.threshold64) {
        repeats_.push_back(all);
        return;
    }
    const std::uint64_t middle = all.first + (all.last - all.first) / 2;
    repeats_.push_back({middle + 1, all.last});
    repeats_.push_back({all.first, middle});
}

std::uint64_t next_launch_nonces(std::uint64_t nonces, Clock::duration took) {
    const double seconds = std::max(std::chrono::duration<double>(took).count(), 1e-9);
    const double wanted =
        static_cast<double>(nonces) * std::chrono::duration<double>(launch_time).count() / seconds;
    const double most = static_cast<double>(std::min(longest_launch / 8, nonces)) * 8;
    return static_cast<std::uint64_t>(
        std::max(std::min(wanted, most), static_cast<double>(smallest_launch)));
}

SearchResult search_in_launches(const SearchJob& job, const KeepSearching& keep_searching,
                                const LaunchDevice& device, std::uint64_t& launch_nonces) {
    struct InFlight {
        Launch launch;
        unsigned slot{};
        Clock::time_point started;
    };
    LaunchPlan plan{job, device.limits};
    std::deque<InFlight> in_flight;
    const auto started = device.now();
    auto last_complete = started;
    SearchProgress told;
    std::size_t depth = 2;
    bool stopped = false;
    unsigned slot = 0;
    for (;;) {
        while (in_flight.size() < depth) {
            const auto launch = plan.next(launch_nonces);
            if (!launch) break;
            device.start(slot, *launch);
            in_flight.push_back({*launch, slot, device.now()});
            slot ^= 1U;
        }
        if (in_flight.empty()) break;

        const InFlight done = in_flight.front();
        in_flight.pop_front();
        const LaunchOutcome outcome = device.wait(done.slot);
        const auto now = device.now();
        // As long as was wanted, but for whole waves: its time says how long the next should be.
        if (count(done.launch.range) + device.limits.wave > launch_nonces)
            launch_nonces =
                std::min(next_launch_nonces(count(done.launch.range),
                                            now - std::max(done.started, last_complete)),
                         device.limits.nonces);
        last_complete = now;
        plan.complete(done.launch, outcome);

        const bool progress = plan.tried() > told.hashes_tried;
        const bool complete = plan.range_exhausted() && in_flight.empty();
        if (stopped || !progress || complete) continue;
        told = {plan.tried(), device.now() - started};
        const auto asked = device.now();
        stopped = !keep_searching(told);
        if (stopped) plan.close();
        depth = device.now() - asked > rest_time ? 1 : 2;
    }
    return {plan.best(),       plan.tried(), device.now() - started, plan.range_exhausted(),
            plan.mismatches(), plan.sieve()};
}

}  // namespace vigil
