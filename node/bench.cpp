#include "node/bench.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"

namespace vigil::node {
namespace {

constexpr std::uint32_t checked_k = 64;
constexpr std::uint64_t checked_nonces = 65'536;
constexpr std::uint64_t checked_first = 0x0123456789abcdef;

Challenge bench_challenge() {
    Challenge challenge;
    std::iota(challenge.bytes.begin(), challenge.bytes.end(), std::uint8_t{1});
    return challenge;
}

std::string mismatch_words(std::uint64_t count) {
    return fmt::format("{} nonces have another hash than the device said", count);
}

}  // namespace

std::string reference_check(Searcher& searcher) {
    const Challenge challenge = bench_challenge();
    SearchResult found;
    try {
        found = searcher.search(
            {challenge, checked_k, {checked_first, checked_first + checked_nonces - 1}},
            [](const SearchProgress&) { return true; });
    } catch (const std::exception& failure) {
        return failure.what();
    }
    std::vector<std::uint64_t> nonces(checked_nonces);
    std::iota(nonces.begin(), nonces.end(), checked_first);
    std::vector<Hash> hashes(checked_nonces);
    pow_hashes(challenge, nonces, hashes);
    BestK best{checked_k};
    for (std::size_t i = 0; i < nonces.size(); ++i) best.offer({hashes[i], nonces[i]});
    if (found.hashes_tried != checked_nonces)
        return fmt::format("tried {} of {} nonces", found.hashes_tried, checked_nonces);
    const std::vector<Found> expected = best.sorted();
    if (found.best.size() != expected.size())
        return fmt::format("found {} of the {} smallest hashes", found.best.size(),
                           expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (found.best[i] != expected[i])
            return fmt::format("the hash in place {} differs: nonce {} instead of {}", i + 1,
                               found.best[i].nonce, expected[i].nonce);
    return found.mismatches > 0 ? mismatch_words(found.mismatches) : std::string{};
}

double hashes_per_second(Searcher& searcher, Milliseconds time) {
    const SearchResult result =
        searcher.search({bench_challenge(), 256, {0, UINT64_MAX}},
                        [time](const SearchProgress& p) { return p.elapsed < time; });
    if (result.mismatches > 0) throw SearchFailed{mismatch_words(result.mismatches)};
    const double elapsed = std::chrono::duration<double>(result.elapsed).count();
    return elapsed > 0 ? static_cast<double>(result.hashes_tried) / elapsed : 0;
}

double BenchFigures::median() const {
    if (rates.empty()) return 0;
    std::vector<double> sorted = rates;
    std::sort(sorted.begin(), sorted.end());
    return sorted[(sorted.size() - 1) / 2];
}

double BenchFigures::spread() const {
    if (rates.size() < 2 || median() <= 0) return 0;
    const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
    return (*high - *low) / median();
}

BenchFigures bench(Searcher& searcher, unsigned seconds, Milliseconds figure,
                   const std::function<void(unsigned, unsigned)>& progress,
                   const std::function<void(const SearchProgress&)>& between) {
    const KeepSearching keep = [&](const SearchProgress& p) {
        if (between) between(p);
        return p.elapsed < figure;
    };
    BenchFigures out{searcher.device(), reference_check(searcher), {}};
    if (!out.failure.empty()) return out;
    std::uint64_t next = 0;
    try {
        for (unsigned i = 0; i < seconds; ++i) {
            const SearchResult result =
                searcher.search({bench_challenge(), 256, {next, UINT64_MAX}}, keep);
            next += result.hashes_tried;
            if (result.mismatches > 0) out.failure = mismatch_words(result.mismatches);
            const double elapsed = std::chrono::duration<double>(result.elapsed).count();
            if (elapsed > 0)
                out.rates.push_back(static_cast<double>(result.hashes_tried) / elapsed);
            progress(i + 1, seconds);
        }
    } catch (const SearchFailed& failure) {
        out.failure = failure.what();
    }
    return out;
}

}  // namespace vigil::node
