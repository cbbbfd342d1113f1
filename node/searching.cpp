#include "node/searching.hpp"

#include <algorithm>
#include <thread>

#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"
#include "node/timing.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds slice{1000};
constexpr Milliseconds first_pause{250};
constexpr Milliseconds longest_pause{8000};
constexpr std::uint32_t most_kept = 4096;

Progress progress_of(const SearchOrder& order, const BestK& best, std::uint64_t next,
                     std::uint64_t tried) {
    Progress progress{order.device, order.challenge, best.k(), next, tried, {}};
    for (const Found& found : best.sorted()) progress.nonces.push_back(found.nonce);
    return progress;
}

/// Hashes are not kept on disk: whatever a file says, only what core computes counts.
void take_over(BestK& best, const SearchOrder& order) {
    if (!order.resume) return;
    std::vector<Hash> hashes(order.resume->nonces.size());
    pow_hashes(order.challenge, order.resume->nonces, hashes);
    for (std::size_t i = 0; i < hashes.size(); ++i)
        best.offer({hashes[i], order.resume->nonces[i]});
}

/// Pauses a device so that it works no more than its share of the time.
class Duty {
public:
    explicit Duty(unsigned percent) : percent_{percent}, working_since_{steady_clock::now()} {}

    void rest(const SearchWatch& watch) {
        const auto now = steady_clock::now();
        if (percent_ >= 100) return;
        const auto pause = (now - working_since_) * (100 - percent_) / percent_;
        sleep_until(std::min(now + pause, watch.stop()), watch.abandon);
        working_since_ = steady_clock::now();
    }

private:
    unsigned percent_;
    SteadyTime working_since_;
};

}  // namespace

void sleep_until(SteadyTime until, const std::function<bool()>& wake) {
    constexpr Milliseconds step{50};
    for (auto now = steady_clock::now(); now < until && !wake(); now = steady_clock::now())
        std::this_thread::sleep_until(std::min(until, now + step));
}

SearchOutcome search_until(Searcher& searcher, const SearchOrder& order, const SearchWatch& watch) {
    const std::uint32_t kept = std::min(order.k + spare_nonces, most_kept);
    BestK best{kept};
    take_over(best, order);
    std::uint64_t next = order.resume ? order.resume->next_nonce : order.first_nonce;
    std::uint64_t tried = order.resume ? order.resume->hashes_tried : 0;
    std::uint64_t mismatches = 0;
    Sieve sieve;
    Backoff pauses{first_pause, longest_pause, next};
    Duty duty{std::max(1u, order.duty)};

    const auto over = [&] { return watch.abandon() || steady_clock::now() >= watch.stop(); };
    while (!over()) {
        const auto slice_end = steady_clock::now() + slice;
        try {
            const SearchResult result = searcher.search(
                {order.challenge, kept, {next, UINT64_MAX}}, [&](const SearchProgress&) {
                    duty.rest(watch);
                    return !over() && steady_clock::now() < slice_end;
                });
            for (const Found& found : result.best) best.offer(found);
            next += result.hashes_tried;
            tried += result.hashes_tried;
            mismatches += result.mismatches;
            sieve += result.sieve;
            watch.hashed(result.hashes_tried, result.elapsed);
            watch.progress(progress_of(order, best, next, tried));
            pauses.reset();
            if (result.range_exhausted) break;
        } catch (const SearchFailed& failure) {
            const Milliseconds pause = pauses.next();
            watch.failed(failure, pause);
            next += std::uint64_t{1}
                    << 40;  // what was tried of this slice is unknown: never the same nonce twice
            sleep_until(std::min(steady_clock::now() + pause, watch.stop()), watch.abandon);
        }
    }
    return {best.sorted(), tried, watch.abandon(), mismatches, sieve};
}

Rechecked recheck(const Challenge& challenge, std::span<const Found> found, std::uint32_t k) {
    std::vector<std::uint64_t> nonces;
    for (const Found& entry : found) nonces.push_back(entry.nonce);
    std::vector<Hash> hashes(nonces.size());
    pow_hashes(challenge, nonces, hashes);

    Rechecked out;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (hashes[i] != found[i].hash) {
            ++out.mismatches;
            continue;
        }
        if (out.nonces.size() < k) out.nonces.push_back(nonces[i]);
    }
    std::sort(out.nonces.begin(), out.nonces.end());
    out.nonces.erase(std::unique(out.nonces.begin(), out.nonces.end()), out.nonces.end());
    return out;
}

}  // namespace vigil::node
