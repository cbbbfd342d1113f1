#include "node/bench.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"
#include "node/console_lines.hpp"

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
                   const std::function<void(unsigned, unsigned)>& progress) {
    BenchFigures out{searcher.device(), reference_check(searcher), {}};
    if (!out.failure.empty()) return out;
    std::uint64_t next = 0;
    try {
        for (unsigned i = 0; i < seconds; ++i) {
            const SearchResult result =
                searcher.search({bench_challenge(), 256, {next, UINT64_MAX}},
                                [figure](const SearchProgress& p) { return p.elapsed < figure; });
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

std::string bench_table(const std::vector<BenchFigures>& all) {
    std::vector<std::vector<std::string>> rows{
        {"backend", "device", "kernel", "units", "rate", "spread", "check"}};
    for (const BenchFigures& b : all)
        rows.push_back({std::string{to_string(b.device.backend)}, b.device.name, b.device.kernel,
                        std::to_string(b.device.compute_units),
                        b.rates.empty() ? "–" : rate_words(b.median()),
                        b.rates.size() < 2 ? "–" : fmt::format("{:.1f} %", b.spread() * 100),
                        b.failure.empty() ? "ok" : "FAILED: " + b.failure});
    return aligned(rows);
}

std::string bench_json(const std::vector<BenchFigures>& all) {
    using nlohmann::ordered_json;
    ordered_json devices = ordered_json::array();
    for (const BenchFigures& b : all) {
        ordered_json kernel{{"name", b.device.kernel},
                            {"hashes_per_second", nullptr},
                            {"spread_ppm", nullptr},
                            {"cycles_per_hash", nullptr},
                            {"limit_fraction", nullptr}};
        if (!b.rates.empty()) kernel["hashes_per_second"] = std::llround(b.median());
        if (b.rates.size() > 1) kernel["spread_ppm"] = std::llround(b.spread() * 1e6);
        devices.push_back(
            {{"uid", b.device.uid},
             {"name", b.device.name},
             {"backend", to_string(b.device.backend)},
             {"threads", b.device.compute_units},
             {"best", b.rates.empty() ? ordered_json(nullptr) : ordered_json(b.device.kernel)},
             {"failure", b.failure.empty() ? ordered_json(nullptr) : ordered_json(b.failure)},
             {"kernels", ordered_json::array({kernel})}});
    }
    return ordered_json{{"devices", devices}}.dump(2, ' ', false,
                                                   ordered_json::error_handler_t::replace) +
           "\n";
}

}  // namespace vigil::node
