#include "tests/load/parts.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <time.h>

#include "core/base/require.hpp"
#include "core/crypto/ed25519.hpp"
#include "core/work/estimate.hpp"
#include "core/work/proof.hpp"
#include "tests/store/samples.hpp"

namespace vigil::load {
namespace {

using Steady = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

Microseconds cpu_of(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

Microseconds thread_cpu() { return cpu_of(CLOCK_THREAD_CPUTIME_ID); }
/// With the thread that carries the log into the file.
Microseconds process_cpu() { return cpu_of(CLOCK_PROCESS_CPUTIME_ID); }

double cost_of(const std::function<void()>& work) {
    work();
    const auto begun = thread_cpu();
    int times = 0;
    for (const auto end = Steady::now() + std::chrono::milliseconds{400}; Steady::now() < end;
         ++times)
        work();
    return (thread_cpu() - begun).count() / times;
}

/// The verifier's own store with a fleet in it, written to as its committer does.
Writing write_to_store(const PartOptions& options) {
    using namespace verifier;
    const auto store = open_sqlite_store((options.folder / "alone.db").string());
    std::vector<samples::Enrolled> fleet;
    for (std::uint64_t n = 0; n < options.nodes; ++n)
        fleet.push_back(samples::enrol(*store, static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n,
                                       options.devices));
    // As a fleet answers: each node with its first device, then each with its second, …; next
    // check.
    std::uint64_t n = 0;
    const auto next_batch = [&](std::size_t answers) {
        std::vector<AnswerRecord> batch;
        for (std::size_t i = 0; i < answers; ++i, ++n) {
            const samples::Enrolled& node = fleet[n % fleet.size()];
            const std::uint64_t turn = n / fleet.size();
            const auto claim = samples::hourly(node.devices[turn % options.devices].ref,
                                               4'000'000 + turn / options.devices);
            batch.push_back(samples::answer(node.node.ref, {claim}, n));
            batch.back().signed_bytes.assign(options.answer_bytes, 'a');
            batch.back().verdicts[0].judgement.reason.assign(110, 'r');
        }
        return batch;
    };
    const auto record = [&](const std::vector<AnswerRecord>& batch) {
        std::vector<const AnswerRecord*> pointers;
        for (const AnswerRecord& one : batch) pointers.push_back(&one);
        static_cast<void>(store->record(pointers));
    };
    while (n < options.recorded) record(next_batch(std::max<std::size_t>(options.batch, 256)));
    Writing written;
    for (const auto end = Steady::now() + std::chrono::seconds{4}; Steady::now() < end;) {
        const auto batch = next_batch(options.batch);
        written.time([&] { record(batch); }, batch.size());
    }
    return written;
}

}  // namespace

void Writing::time(const std::function<void()>& write, std::size_t count) {
    const auto begun = Steady::now();
    const auto before = process_cpu();
    write();
    cpu += process_cpu() - before;
    elapsed += Steady::now() - begun;
    answers += count;
}

PartCosts measure_parts(const PartOptions& options) {
    KeySeed seed;
    seed.bytes.fill(7);
    const SigningKey key{seed};
    const VerifyingKey verifying{key.public_key()};
    const ByteVector answer(options.answer_bytes, 3);
    const Signature signature = key.sign(answer);
    const ByteVector receipt = receipt_bytes({}, {}, {});
    std::vector<std::uint64_t> nonces(options.k);
    for (std::size_t i = 0; i < nonces.size(); ++i) nonces[i] = 3 * i;

    PartCosts costs;
    costs.verify_us = cost_of([&] { require(verifying.verifies(answer, signature), "it does"); });
    costs.hashes_us = cost_of([&] { require(largest_hash({}, nonces).has_value(), "it has"); });
    costs.receipt_us = cost_of([&] { static_cast<void>(key.sign(receipt)); });
    const Writing store = write_to_store(options);
    const Writing rows = write_bare_rows(options);
    const auto each = [](auto time, const Writing& written) {
        return time.count() / static_cast<double>(written.answers);
    };
    costs.store_us = each(store.cpu, store);
    costs.store_a_second = 1e6 / each(store.elapsed, store);
    costs.rows_us = each(rows.cpu, rows);
    costs.rows_a_second = 1e6 / each(rows.elapsed, rows);
    return costs;
}

}  // namespace vigil::load
