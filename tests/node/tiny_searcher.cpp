#include "tests/node/tiny_searcher.hpp"

#include <algorithm>
#include <array>
#include <stdlib.h>
#include <thread>

#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"

namespace vigil::node::test {

Folder::Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "vigil-node-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error{"no temporary folder"};
    path_ = pattern;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TinySearcher::TinySearcher(std::string uid)
    : description_{std::move(uid), "Tiny", Backend::cpu, "none", "reference", 0, 1} {}

SearchResult TinySearcher::search(const SearchJob& job, const KeepSearching& keep_searching) {
    ++faults->searches;
    faults->first_nonce = job.range.first;
    if (faults->failures > 0) {
        --faults->failures;
        throw SearchFailed{"the test pulled the plug"};
    }
    const auto begun = std::chrono::steady_clock::now();
    BestK best{job.k};
    SearchResult result;
    constexpr std::size_t batch = 64;
    std::array<std::uint64_t, batch> nonces{};
    std::array<Hash, batch> hashes{};
    do {
        const std::uint64_t first = job.range.first + result.hashes_tried;
        for (std::size_t i = 0; i < batch; ++i) nonces[i] = first + i;
        pow_hashes(job.challenge, nonces, hashes);
        for (std::size_t i = 0; i < batch; ++i) best.offer({hashes[i], nonces[i]});
        result.hashes_tried += batch;
        std::this_thread::sleep_for(pause);
        result.elapsed = std::chrono::steady_clock::now() - begun;
    } while (keep_searching({result.hashes_tried, result.elapsed}));
    result.best = best.sorted();
    result.mismatches = faults->mismatches;
    result.sieve = {100 * 65'536, 100U + faults->sieve_excess};
    const int wrong = std::min(faults->wrong_hashes.load(), static_cast<int>(result.best.size()));
    for (int i = 0; i < wrong; ++i) result.best[static_cast<std::size_t>(i)].hash.bytes[0] ^= 0x40;
    return result;
}

bool eventually(const std::function<bool()>& so, Milliseconds limit) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!so()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(Milliseconds{5});
    }
    return true;
}

OpenCheck check_of(const Shape& shape) {
    OpenCheck check;
    check.kind = shape.kind;
    check.ref = shape.ref;
    check.beacon.bytes.fill(static_cast<std::uint8_t>(shape.ref));
    check.device = shape.device;
    check.k = shape.k;
    check.work = shape.work;
    check.spread = shape.spread;
    check.start = instant_from_ms(1'700'000'000'000);
    check.deadline = check.start + shape.work + shape.spread + shape.slack;
    check.remaining = check.deadline - check.start - shape.ago;
    check.policy.bytes.fill(3);
    return check;
}

}  // namespace vigil::node::test
