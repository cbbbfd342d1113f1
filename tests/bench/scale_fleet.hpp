#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "verifier/founding.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier::bench {

/// A network of any size in a SQLite file, with four devices a node spread over all buckets, and
/// what its devices did, written straight into the store. TMPDIR says where: a disk, for figures
/// that mean something.
class Fleet {
public:
    explicit Fleet(std::size_t devices);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    Store& store() { return *store_; }
    Schedule& schedule() { return *schedule_; }
    std::int64_t file_bytes() const;
    DayIndex day() const { return day_; }
    WindowIndex last_window() const;
    const std::vector<DeviceRecord>& devices() const { return devices_; }

    /// Outcomes of all windows of the day but the last, as their closing would have written them.
    void close_all_but_the_last();
    /// The verdicts and heartbeats of the last window: one device in eight misses a check.
    void live_through_the_last();
    /// Answers to the roll call of the window after, judged: number `n` of them.
    AnswerRecord answer_in_the_next(std::size_t n) const;

private:
    void found();
    void enrol(std::size_t devices);
    VerdictRecord passed(const CheckClaim& claim, Instant start, Milliseconds length) const;

    std::filesystem::path folder_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<Schedule> schedule_;
    DayIndex day_{20'000};
    std::vector<DeviceRecord> devices_;
};

/// Of this process, in MB: resident now; the most memory since the last call of forget_peak().
double now_mb();
double peak_mb();
void forget_peak();

}  // namespace vigil::verifier::bench
