#include "node/cpu_searcher.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include "core/base/require.hpp"
#include "core/work/launches.hpp"
#include "core/work/pow_hash_many.hpp"
#include "node/cpu_searcher_first_round.hpp"
#include "node/cpu_searcher_scan.hpp"
#include "node/worker_crew.hpp"

namespace vigil::node {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t first_slice_per_thread = 4'096;

/// A part of the range that all threads work off together, in chunks that end at multiples of the
/// block.
struct Slice {
    NonceRange range;
    std::uint64_t chunk{};
    std::atomic<std::uint64_t> taken{0};

    std::optional<NonceRange> take() {
        const std::uint64_t base = range.first & ~(block_nonces - 1);
        const std::uint64_t span = range.last - base;
        const std::uint64_t offset = taken.fetch_add(1, std::memory_order_relaxed) * chunk;
        if (offset > span) return std::nullopt;
        return NonceRange{std::max(range.first, base + offset),
                          base + std::min(span, offset + chunk - 1)};
    }
};

void lower(std::atomic<std::uint64_t>& threshold, std::uint64_t to) {
    std::uint64_t now = threshold.load(std::memory_order_relaxed);
    while (to < now && !threshold.compare_exchange_weak(now, to, std::memory_order_relaxed)) {
    }
}

std::string processor_name() {
    std::ifstream cpuinfo{"/proc/cpuinfo"};
    for (std::string line; std::getline(cpuinfo, line);) {
        const auto colon = line.find(": ");
        if (line.starts_with("model name") && colon != std::string::npos)
            return line.substr(colon + 2);
    }
    return "processor";
}

std::uint64_t memory_bytes() {
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && page > 0
               ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
               : 0;
}

const CpuPath& chosen_path(const std::string& name) {
    const CpuPath* best = nullptr;
    std::string known;
    for (const CpuPath& path : cpu_paths()) {
        known += (known.empty() ? "" : ", ") + std::string{path.name};
        if (path.supported() && (name.empty() || path.name == name)) best = &path;
        if (path.name == name && !path.supported())
            throw std::invalid_argument{"this processor has no " + name};
    }
    if (!best)
        throw std::invalid_argument{"no CPU path is called \"" + name + "\"; there are " + known};
    return *best;
}

class CpuSearcher final : public Searcher {
public:
    explicit CpuSearcher(const CpuSearcherOptions& options)
        : path_{&chosen_path(options.path)},
          device_{describe_cpu(options)},
          crew_{device_.compute_units},
          slice_nonces_{first_slice_per_thread * crew_.size()} {}

    const DeviceDescription& device() const override { return device_; }

    std::vector<std::string> kernels() const override {
        std::vector<std::string> out;
        for (const CpuPath& path : cpu_paths()) {
            if (path.supported()) out.emplace_back(path.name);
        }
        std::reverse(out.begin(), out.end());
        return out;
    }

    void use_kernel(std::string_view name) override {
        for (const CpuPath& path : cpu_paths()) {
            if (path.name != name || !path.supported()) continue;
            path_ = &path;
            device_.kernel = path.name;
            return;
        }
        Searcher::use_kernel(name);
    }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        require(job.k >= 1 && job.k <= 4'096, "k is 1 to 4,096");
        require(job.range.first <= job.range.last, "a range has a nonce");
        const auto started = Clock::now();
        const FirstRound first_round = first_round_of(job.challenge);
        BestK best{job.k};
        SearchResult result;
        for (std::uint64_t next = job.range.first;;) {
            const std::uint64_t last = next + std::min(job.range.last - next, slice_nonces_ - 1);
            const auto slice_started = Clock::now();
            search_slice(job, {next, last}, first_round, best);
            const auto now = Clock::now();
            if (last - next + 1 == slice_nonces_)
                slice_nonces_ = next_launch_nonces(slice_nonces_, now - slice_started);

            result.hashes_tried += last - next + 1;
            result.elapsed = now - started;
            result.range_exhausted = last == job.range.last;
            if (result.range_exhausted || !keep_searching({result.hashes_tried, result.elapsed}))
                break;
            next = last + 1;
        }
        result.best = best.sorted();
        return result;
    }

private:
    void search_slice(const SearchJob& job, NonceRange range, const FirstRound& first_round,
                      BestK& best) {
        std::atomic<std::uint64_t> threshold{best.threshold64()};
        Slice slice{.range = range, .chunk = chunk_of(range.last - range.first)};
        std::vector<BestK> bests(crew_.size(), BestK{job.k});
        crew_.run([&](unsigned thread) {
            while (const auto chunk = slice.take())
                search_chunk(job.challenge, *chunk, first_round, bests[thread], threshold);
        });
        for (const BestK& found : bests) best.merge(found);
    }

    void search_chunk(const Challenge& challenge, NonceRange chunk, const FirstRound& first_round,
                      BestK& best, std::atomic<std::uint64_t>& threshold) const {
        std::array<std::uint64_t, scan_capacity> nonces;
        std::array<Hash, scan_capacity> hashes;
        for (;;) {
            const Scanned scanned = path_->scan(
                {first_round, chunk.first, chunk.last, threshold.load(std::memory_order_relaxed)},
                nonces.data());
            pow_hashes(challenge, std::span{nonces}.first(scanned.found),
                       std::span{hashes}.first(scanned.found));
            for (std::size_t i = 0; i < scanned.found; ++i) best.offer({hashes[i], nonces[i]});
            if (best.full()) lower(threshold, best.threshold64());
            if (chunk.last - chunk.first == scanned.nonces - 1) return;
            chunk.first += scanned.nonces;
        }
    }

    /// A 64th of a thread's share: small beside the slice, so that the threads finish together.
    std::uint64_t chunk_of(std::uint64_t nonces) const {
        const std::uint64_t share = nonces / (64 * crew_.size());
        return std::clamp<std::uint64_t>(share & ~(block_nonces - 1), 16 * block_nonces,
                                         1024 * block_nonces);
    }

    const CpuPath* path_;
    DeviceDescription device_;
    WorkerCrew crew_;
    std::uint64_t slice_nonces_;  // of the last known rate; kept from one search to the next
};

}  // namespace

DeviceDescription describe_cpu(const CpuSearcherOptions& options) {
    return {.uid = "cpu:" + options.machine_id,
            .name = processor_name(),
            .backend = Backend::cpu,
            .driver = "",
            .kernel = std::string{chosen_path(options.path).name},
            .memory_bytes = memory_bytes(),
            .compute_units = options.threads != 0
                                 ? options.threads
                                 : std::max(1U, std::thread::hardware_concurrency())};
}

std::unique_ptr<Searcher> make_cpu_searcher(const CpuSearcherOptions& options) {
    return std::make_unique<CpuSearcher>(options);
}

}  // namespace vigil::node
