// What closing, settling and scheduling cost in time and memory for fleets of any size, and what
// closing and settling cost the path of an answer meanwhile.
//   scale_bench books DEVICES      closes a window, settles a day
//   scale_bench hot DEVICES        commits of answers, alone and beside both
//   scale_bench schedule DEVICES   the starts of a window's spot checks; the roster
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/resource.h>
#include <thread>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/policy/policy.hpp"
#include "tests/bench/scale_fleet.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/spot_starts.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

double processor_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

/// A store that knows how long its write transactions took, their commit included.
class TimedStore final : public Store {
public:
    explicit TimedStore(Store& store) : store_{store} {}
    void write(const std::function<void(Transaction&)>& work) override {
        timed(work, [&](const auto& timed_work) { store_.write(timed_work); });
    }
    void write_redoable(const std::function<void(Transaction&)>& work) override {
        timed(work, [&](const auto& timed_work) { store_.write_redoable(timed_work); });
    }
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return store_.writes_across_buckets(); }
    Health health() override { return store_.health(); }

    std::vector<double> times;  ///< milliseconds

private:
    template <class Write>
    void timed(const std::function<void(Transaction&)>& work, Write write) {
        Clock::time_point begin;
        write([&](Transaction& tx) {
            begin = Clock::now();
            work(tx);
        });
        times.push_back(seconds_since(begin) * 1e3);
    }

    Store& store_;
};

double share(std::vector<double>& values, double part) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void say_writes(const char* what, std::vector<double> times) {
    const std::size_t count = times.size();
    const double half = share(times, 0.5), most = share(times, 0.99);
    std::printf("  %s: %zu transactions, p50 %.1f ms, p99 %.1f ms, longest %.1f ms\n", what, count,
                half, most, times.empty() ? 0 : times.back());
}

template <class Steps>
void run(const char* what, Steps steps, TimedStore& store) {
    store.times.clear();
    forget_peak();
    const double memory = peak_mb(), processor = processor_seconds();
    const auto begin = Clock::now();
    while (steps.step()) {
    }
    std::printf("%s: %.2f s, processor %.2f s, %.0f MB more than before\n", what,
                seconds_since(begin), processor_seconds() - processor, peak_mb() - memory);
    say_writes("writes", store.times);
}

void close_and_settle(Fleet& fleet, TimedStore& store) {
    const Instant end = fleet.schedule().calendar().span(fleet.last_window()).end;
    run("closing a window",
        WindowCloser{store, fleet.schedule(), fleet.last_window(), end + 2001ms, {}, {}}, store);
    run("settling a day", DaySettler{store, fleet.schedule(), fleet.day(), end + 10s, {}, {}},
        store);
}

void books(std::size_t devices) {
    const auto begin = Clock::now();
    Fleet fleet{devices};
    fleet.close_all_but_the_last();
    fleet.live_through_the_last();
    std::printf("%zu devices, %.1f GB, prepared in %.0f s\n", devices,
                static_cast<double>(fleet.file_bytes()) / 1e9, seconds_since(begin));
    std::fflush(stdout);
    TimedStore store{fleet.store()};
    close_and_settle(fleet, store);
}

/// So many answers a commit, as the committer makes, one every `every` at most.
struct Commits {
    int answers;
    std::chrono::milliseconds every;
    const char* words;
};
class HotPath {
public:
    HotPath(Fleet& fleet, Commits commits)
        : fleet_{fleet}, commits_{commits}, thread_{[this] { run(); }} {}
    ~HotPath() { stop(); }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::vector<double> take() {
        const std::lock_guard lock{mutex_};
        return std::exchange(times_, {});
    }

private:
    void run() {
        for (auto next = Clock::now(); !stopping_;
             next = std::max(next + commits_.every, Clock::now())) {
            std::vector<AnswerRecord> batch;
            for (int i = 0; i < commits_.answers; ++i)
                batch.push_back(fleet_.answer_in_the_next(number_++));
            std::this_thread::sleep_until(next);
            const auto begin = Clock::now();
            fleet_.store().write([&](Transaction& tx) {
                for (const AnswerRecord& answer : batch) tx.record(answer);
            });
            const std::lock_guard lock{mutex_};
            times_.push_back(seconds_since(begin) * 1e3);
        }
    }

    Fleet& fleet_;
    const Commits commits_;
    std::size_t number_ = 0;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::vector<double> times_;  // guarded by mutex_
    std::thread thread_;
};

void hot(std::size_t devices) {
    for (const Commits commits : {Commits{16, 8ms, "one every 8 ms (2,000 answers a second)"},
                                  Commits{256, 0ms, "as fast as they go"}}) {
        Fleet fleet{devices};
        fleet.close_all_but_the_last();
        fleet.live_through_the_last();
        std::printf("commits of %d answers, %s\n", commits.answers, commits.words);
        HotPath path{fleet, commits};
        std::this_thread::sleep_for(2s);
        path.take();
        std::this_thread::sleep_for(20s);
        say_writes("alone", path.take());
        TimedStore store{fleet.store()};
        close_and_settle(fleet, store);
        say_writes("beside closing and settling", path.take());
        std::this_thread::sleep_for(10s);
        say_writes("alone again", path.take());
        std::fflush(stdout);
    }
}

void schedule(std::size_t devices) {
    {
        const Policy policy = *preset("incentivenet-2024-10");
        const DayKey key = as<DayKey>(Encoder{"bench/day"}.u64(1).hash());
        const WindowIndex window{120'000};
        auto plan = std::make_shared<WindowPlan>(
            WindowPlan{.window = window,
                       .span = Calendar{policy}.span(window),
                       .policy = std::make_shared<const Policy>(policy),
                       .policy_hash = {},
                       .key = key,
                       .fleet = fleet_checks(policy, key, window)});
        SpotStarts starts{plan};
        const auto number_in_bucket = static_cast<std::int64_t>((devices + 255) / 256);
        // What a roster would hand out.
        const DevicesAfter made = [&](std::uint8_t bucket, std::int64_t after, std::size_t most) {
            std::vector<std::shared_ptr<const RosterDevice>> out;
            while (out.size() < most && after < number_in_bucket) {
                auto device = std::make_shared<RosterDevice>();
                device->ref = {bucket, ++after};
                device->id.bytes[0] = bucket;
                std::memcpy(device->id.bytes.data() + 8, &after, sizeof after);
                out.push_back(std::move(device));
            }
            return out;
        };
        const double memory = now_mb(), processor = processor_seconds();
        const auto begin = Clock::now();
        double longest = 0;
        for (std::size_t added = 1; added > 0;) {
            const auto part = Clock::now();
            added = starts.add_from(made, 16'384);
            longest = std::max(longest, seconds_since(part));
        }
        std::printf(
            "starts of a window's spot checks, %zu devices: %.2f s (processor %.2f s), the "
            "longest part %.0f ms, %.0f MB\n",
            devices, seconds_since(begin), processor_seconds() - processor, longest * 1e3,
            now_mb() - memory);
        const auto taking = Clock::now();
        std::size_t taken = 0;
        Instant last{};
        for (; const auto next = starts.next(); ++taken) {
            require(next->at >= last, "starts ascend");
            last = next->at;
            starts.take();
        }
        std::printf("  all %zu taken in order of time: %.2f s\n", taken, seconds_since(taking));
        std::fflush(stdout);
    }
    if (devices > 2'000'000) return;  // the store of more takes long to fill

    Fleet fleet{devices};
    fleet.close_all_but_the_last();
    const double memory = now_mb();
    auto begin = Clock::now();
    double processor = processor_seconds();
    Roster roster{fleet.store()};
    std::printf(
        "roster: read in %.2f s (processor %.2f s), %.0f bytes a device with its share of a "
        "node\n",
        seconds_since(begin), processor_seconds() - processor,
        (now_mb() - memory) * 1024 * 1024 / static_cast<double>(devices));
    std::atomic<bool> over = false;
    double longest = 0;
    std::thread asking{[&] {
        for (std::size_t i = 0; !over; i = (i + 7'919) % fleet.devices().size()) {
            const auto asked = Clock::now();
            require(roster.device(fleet.devices()[i].id) != nullptr, "an enrolled device is found");
            longest = std::max(longest, seconds_since(asked));
        }
    }};
    begin = Clock::now();
    roster.refresh_baselines();
    const double took = seconds_since(begin);
    over = true;
    asking.join();
    std::printf("  new baselines for all: %.2f s, the longest lookup meanwhile %.1f ms\n", took,
                longest * 1e3);
}

}  // namespace
}  // namespace vigil::verifier::bench

int main(int count, char** words) {
    using namespace vigil::verifier::bench;
    const std::size_t devices = count == 3 ? std::strtoull(words[2], nullptr, 10) : 0;
    if (count == 3 && devices > 0 && std::strcmp(words[1], "books") == 0) return books(devices), 0;
    if (count == 3 && devices > 0 && std::strcmp(words[1], "hot") == 0) return hot(devices), 0;
    if (count == 3 && devices > 0 && std::strcmp(words[1], "schedule") == 0)
        return schedule(devices), 0;
    std::fprintf(stderr, "scale_bench books|hot|schedule DEVICES\n");
    return 2;
}
