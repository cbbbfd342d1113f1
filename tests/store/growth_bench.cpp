// What an answer costs in a store that has many already: growth_bench MILLIONS… (ascending, e.g. 1
// 10 50). Fills a SQLite file with answers of 48 signed bytes, check after check as time would, and
// at each of the sizes asked for records commits of 256 answers of full size in the order in which
// nodes would answer. The file goes where TMPDIR points and needs some 500 bytes an answer.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <sys/resource.h>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

constexpr std::uint64_t node_count = 25'000;
constexpr std::uint64_t devices_per_node = 4;
constexpr std::uint64_t device_count = node_count * devices_per_node;
constexpr std::size_t batch_size = 256;
constexpr std::size_t batches_measured = 400;
constexpr std::size_t signed_size = 32 + 32 + 4 + 32 + 32 + 4 + 256 * 8 + 8;  // a roll call of one
constexpr auto full_reason =
    "rate 1,234,567,890 H/s against 0.700000 of the baseline 1,234,567,890 H/s: passed";

/// Of the whole process, so with what the store does on threads of its own.
double processor_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class GrowingStore {
public:
    GrowingStore() {
        store_->write([&](Transaction& tx) {
            for (std::uint64_t n = 0; n < node_count; ++n) {
                auto owner = node(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n);
                std::vector<DeviceRecord> named;
                for (std::uint64_t i = 0; i < devices_per_node; ++i)
                    named.push_back(device(owner.id.bytes[0], n * 100 + i));
                tx.enrol(entry(owner.id, static_cast<std::int64_t>(n)), owner, named);
                devices_.insert(devices_.end(), named.begin(), named.end());
            }
        });
        std::sort(devices_.begin(), devices_.end(),
                  [](const auto& a, const auto& b) { return a.ref < b.ref; });
        order_ = devices_;
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64{1});
    }

    std::uint64_t answers() const { return answers_; }
    double file_gigabytes() const { return static_cast<double>(store_->health().bytes) / 1e9; }

    /// Whole checks of the fleet, until there are at least so many answers.
    void fill(std::uint64_t until) {
        while (answers_ < until) {
            record(devices_, 48);
            ++check_;
        }
    }

    struct Cost {
        double processor_us{}, elapsed_us{}, longest_commit_ms{};
    };
    Cost measure() {
        using Clock = std::chrono::steady_clock;
        store_.reset();  // carries the whole log into the file: what filling left is not measured
        store_ = open_sqlite_store(folder_.file());
        for (int batch = 0; batch < 40; ++batch) {
            const auto part = answers_of({order_.data() + batch * batch_size, batch_size}, 48);
            store_->record(pointers_to(part));
        }
        ++check_;
        double processor = 0, elapsed = 0, longest = 0;
        for (std::size_t batch = 0; batch < batches_measured; ++batch) {
            const std::size_t from = batch * batch_size % (device_count - batch_size);
            if (batch > 0 && from < batch_size) ++check_;
            const auto part = answers_of({order_.data() + from, batch_size}, signed_size);
            const auto pointers = pointers_to(part);
            const double used = processor_seconds();
            const auto begun = Clock::now();
            store_->record(pointers);
            const double took = std::chrono::duration<double>(Clock::now() - begun).count();
            processor += processor_seconds() - used;
            elapsed += took;
            longest = std::max(longest, took);
        }
        ++check_;
        constexpr double each = batch_size * batches_measured;
        return {1e6 * processor / each, 1e6 * elapsed / each, 1e3 * longest};
    }

private:
    TemporaryFolder folder_;
    std::unique_ptr<Store> store_ = open_sqlite_store(folder_.file());
    std::vector<DeviceRecord> devices_, order_;  ///< by bucket, and as nodes answer
    std::uint64_t check_ = 4'000'000, answers_ = 0;

    std::vector<AnswerRecord> answers_of(std::span<const DeviceRecord> devices, std::size_t bytes) {
        std::vector<AnswerRecord> out;
        out.reserve(devices.size());
        for (const DeviceRecord& device : devices) {
            out.push_back(answer(device.node, {hourly(device.ref, check_)}, answers_++));
            out.back().signed_bytes.resize(bytes, static_cast<std::uint8_t>(answers_));
            out.back().verdicts[0].judgement.reason = bytes == signed_size ? full_reason : "passed";
        }
        return out;
    }
    static std::vector<const AnswerRecord*> pointers_to(const std::vector<AnswerRecord>& answers) {
        std::vector<const AnswerRecord*> out;
        for (const AnswerRecord& one : answers) out.push_back(&one);
        return out;
    }
    void record(std::span<const DeviceRecord> devices, std::size_t bytes) {
        constexpr std::size_t commit = 25'000;
        for (std::size_t at = 0; at < devices.size(); at += commit) {
            const auto part =
                answers_of(devices.subspan(at, std::min(commit, devices.size() - at)), bytes);
            store_->record(pointers_to(part));
        }
    }
};

int run(int count, char** asked) {
    GrowingStore store;
    std::printf("%14s %10s %16s %12s %18s\n", "answers before", "file", "processor time", "elapsed",
                "longest commit");
    for (int i = 0; i < count; ++i) {
        const auto millions = std::strtoull(asked[i], nullptr, 10);
        if (millions == 0 || millions > 1'000 || millions * 1'000'000 < store.answers()) {
            std::fprintf(stderr,
                         "growth_bench: \"%s\" is not a number of millions up to 1000, "
                         "ascending\n",
                         asked[i]);
            return 2;
        }
        store.fill(millions * 1'000'000);
        const auto before = store.answers();
        const auto cost = store.measure();
        std::printf("%14llu %7.1f GB %8.1f us each %6.1f us %15.0f ms\n",
                    static_cast<unsigned long long>(before), store.file_gigabytes(),
                    cost.processor_us, cost.elapsed_us, cost.longest_commit_ms);
        std::fflush(stdout);
    }
    return 0;
}

}  // namespace
}  // namespace vigil::verifier

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: growth_bench MILLIONS...   e.g. growth_bench 1 10 50\n", stderr);
        return 2;
    }
    return vigil::verifier::run(argc - 1, argv + 1);
}
