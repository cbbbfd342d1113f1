// What an answer costs in a store that has many already, at the size of the fleet and in the order
// in which nodes would answer. The store is a SQLite file of some 450 bytes an answer:
//
//   growth_bench MILLIONS…               fills one where TMPDIR points and measures at each of the
//                                        sizes, ascending, e.g. 1 10 50
//   growth_bench --fill FOLDER MILLIONS  fills the one in FOLDER up to there and keeps it. When it
//                                        was ended it goes on where it was
//   growth_bench --measure FOLDER…       measures each as it is, so that only this needs a machine
//                                        with nothing else on it
//
// Filling records answers of 48 signed bytes, check after check as time would. Measuring records
// commits of 256 answers of full size, 112,640 in all, which stay.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string_view>
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

/// A store in a folder, and how far it was filled.
class GrowingStore {
public:
    explicit GrowingStore(std::filesystem::path folder) : folder_{std::move(folder)} {
        std::filesystem::create_directories(folder_);
        const bool fresh = !(std::ifstream{folder_ / "position"} >> answers_ >> check_);
        store_ = open_sqlite_store(file());
        if (fresh) enrol_all();
        store_->read([&](Reader& r) { devices_ = r.devices(); });
        order_ = devices_;
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64{1});
    }

    std::uint64_t answers() const { return answers_; }
    double file_gigabytes() const { return static_cast<double>(store_->health().bytes) / 1e9; }
    double log_megabytes() const { return static_cast<double>(largest_log_) / 1e6; }

    /// Whole checks of the fleet, until there are at least so many answers.
    void fill(std::uint64_t until) {
        while (answers_ < until) {
            record(devices_, 48);
            begin_check();
        }
    }

    struct Cost {
        double processor_us{}, elapsed_us{}, longest_commit_ms{};
    };
    Cost measure() {
        using Clock = std::chrono::steady_clock;
        store_.reset();  // carries the whole log into the file: what filling left is not measured
        store_ = open_sqlite_store(file());
        for (int batch = 0; batch < 40; ++batch) {
            const auto part = answers_of({order_.data() + batch * batch_size, batch_size}, 48);
            store_->record(pointers_to(part));
        }
        begin_check();
        double processor = 0, elapsed = 0, longest = 0;
        for (std::size_t batch = 0; batch < batches_measured; ++batch) {
            const std::size_t from = batch * batch_size % (device_count - batch_size);
            if (batch > 0 && from < batch_size) begin_check();
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
        begin_check();
        constexpr double each = batch_size * batches_measured;
        return {1e6 * processor / each, 1e6 * elapsed / each, 1e3 * longest};
    }

private:
    const std::filesystem::path folder_;
    std::unique_ptr<Store> store_;
    std::vector<DeviceRecord> devices_, order_;  ///< by bucket, and as nodes answer
    std::uint64_t answers_ = 0, check_ = 4'000'000;
    std::uintmax_t largest_log_ = 0;

    std::string file() const { return (folder_ / "vigil.db").string(); }
    void enrol_all() {
        store_->write([&](Transaction& tx) {
            for (std::uint64_t n = 0; n < node_count; ++n) {
                auto owner = node(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n);
                std::vector<DeviceRecord> named;
                for (std::uint64_t i = 0; i < devices_per_node; ++i)
                    named.push_back(device(owner.id.bytes[0], n * 100 + i));
                tx.enrol(entry(owner.id, static_cast<std::int64_t>(n)), owner, named);
            }
        });
        write_position();
    }
    void begin_check() {
        ++check_;
        write_position();
    }
    /// Behind the store after a kill: the answers that it repeats then change nothing.
    void write_position() const {
        std::ofstream{folder_ / "position"} << answers_ << ' ' << check_ << '\n';
    }

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
            std::error_code absent;
            if (const auto log = std::filesystem::file_size(file() + "-wal", absent); !absent)
                largest_log_ = std::max(largest_log_, log);
        }
    }
};

constexpr auto usage =
    "usage: growth_bench MILLIONS...   e.g. growth_bench 1 10 50\n"
    "       growth_bench --fill FOLDER MILLIONS\n"
    "       growth_bench --measure FOLDER...\n";

/// A number of millions of answers; 0: not one.
std::uint64_t answers_in(const char* text) {
    const auto millions = std::strtoull(text, nullptr, 10);
    if (millions > 0 && millions <= 1'000) return millions * 1'000'000;
    std::fprintf(stderr, "growth_bench: \"%s\" is not a number of millions up to 1000\n", text);
    return 0;
}

void print_heading() {
    std::printf("%14s %10s %16s %12s %18s\n", "answers before", "file", "processor time", "elapsed",
                "longest commit");
}

void measure(GrowingStore& store) {
    const auto before = store.answers();
    const auto cost = store.measure();
    std::printf("%14llu %7.1f GB %8.1f us each %6.1f us %15.0f ms\n",
                static_cast<unsigned long long>(before), store.file_gigabytes(), cost.processor_us,
                cost.elapsed_us, cost.longest_commit_ms);
    std::fflush(stdout);
}

int fill(const char* folder, const char* millions) {
    const auto until = answers_in(millions);
    if (until == 0) return 2;
    GrowingStore store{folder};
    constexpr std::uint64_t step = 500'000;
    while (store.answers() < until) {
        const auto begun = std::chrono::steady_clock::now();
        const auto before = store.answers();
        store.fill(std::min(until, before + step));
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
        std::printf("%11llu answers, %.1f GB, %.0f a second, log at most %.0f MB\n",
                    static_cast<unsigned long long>(store.answers()), store.file_gigabytes(),
                    static_cast<double>(store.answers() - before) / took.count(),
                    store.log_megabytes());
        std::fflush(stdout);
    }
    return 0;
}

int run(int count, char** asked) {
    const std::string_view first = count > 0 ? asked[0] : "";
    if (first == "--fill" && count == 3) return fill(asked[1], asked[2]);
    if (first == "--measure" && count > 1) {
        print_heading();
        for (int i = 1; i < count; ++i) {
            GrowingStore store{asked[i]};
            measure(store);
        }
        return 0;
    }
    if (count == 0 || first.starts_with('-')) {
        std::fputs(usage, stderr);
        return 2;
    }
    TemporaryFolder folder;
    GrowingStore store{folder.file("growth")};
    print_heading();
    for (int i = 0; i < count; ++i) {
        const auto until = answers_in(asked[i]);
        if (until == 0) return 2;
        store.fill(until);
        measure(store);
    }
    return 0;
}

}  // namespace
}  // namespace vigil::verifier

int main(int argc, char** argv) { return vigil::verifier::run(argc - 1, argv + 1); }
