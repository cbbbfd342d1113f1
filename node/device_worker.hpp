#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/work/searcher.hpp"
#include "node/board.hpp"
#include "node/journal.hpp"
#include "node/limits.hpp"
#include "node/metrics.hpp"
#include "node/rate_meter.hpp"
#include "node/terms.hpp"

namespace vigil::node {

/// A check as one device has to answer it.
struct DeviceCheck {
    OpenCheck check;
    DeviceId device;
    Challenge challenge;
    Milliseconds extra{};  ///< protocol 3.7
    SteadyTime learned;

    SteadyTime deadline() const { return learned + check.remaining; }
};

/// Makes the proof of a check; `honest` does the real work. The one place where a rehearsal differs
/// from a node that earns. Called on the device's thread; nothing means that there is no proof to
/// send.
using HonestProof = std::function<std::optional<Proof>()>;
using ProofSource = std::function<std::optional<Proof>(const DeviceCheck&, const HonestProof&)>;

struct WorkerPlace {
    std::size_t index{};  ///< of the device on the board
    std::string label;
    DeviceId device;
    unsigned duty = 100;  ///< percent
};

/// What a worker shares with the rest of the node; all of it outlives the worker.
struct WorkerSurroundings {
    Board& board;
    Metrics& metrics;
    ProgressFiles& progress;
    ProofSource prove;
    std::function<Milliseconds()> round_trip;
    std::function<Beyond(std::size_t index)> beyond;  ///< the owner's limits; while any, it rests
    std::function<void(std::string)> failed;          ///< what went wrong, for people
    /// Called on the worker's thread for every check taken, with its proof or with nothing.
    std::function<void(const DeviceCheck&, std::optional<Proof>)> finished;
};

/// One device and its thread: one check at a time, the next one waits (protocol 4, one outstanding
/// check per device). A device that fails is reported and tried again; other devices never notice.
/// One that is beyond a limit of its owner's starts no search; a search under way is answered with
/// what it has.
class DeviceWorker {
public:
    DeviceWorker(std::unique_ptr<Searcher> searcher, WorkerPlace place,
                 WorkerSurroundings surroundings);
    ~DeviceWorker();  ///< quits

    const DeviceId& device() const { return place_.device; }

    /// Any thread. False when the queue is full. When the check cannot wait for the one being
    /// searched, that one is answered now with what it has: its rate divides by its own time, so it
    /// loses nothing but precision. A calibration gives way to any check that counts.
    bool take(DeviceCheck check);

    void finish();  ///< takes no more; ends after what was taken
    void quit();    ///< leaves the check being searched; its progress stays on disk
    bool idle() const;

private:
    void run();
    std::optional<DeviceCheck> next();
    void answer(const DeviceCheck& check);
    bool may_work(SteadyTime stop);
    SteadyTime stop_now(SteadyTime planned);
    void give_memory_back();
    void missed_by_pause(const DeviceCheck& check);
    std::optional<Proof> search(const DeviceCheck& check, SteadyTime stop);
    bool waiting_fit(SteadyTime busy_until) const;
    void show(std::string state);
    void fails(const std::string& why);
    void tell_of_mismatches(std::uint64_t count);
    void tell_of_sieve(const Sieve& sieve);

    const std::unique_ptr<Searcher> searcher_;
    const WorkerPlace place_;
    const WorkerSurroundings around_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::deque<DeviceCheck> waiting_;
    std::optional<SteadyTime> stop_;  // of the search that runs
    CheckKind running_{};             // while stop_ is set
    bool finishing_ = false;
    bool quitting_ = false;
    bool busy_ = false;
    // The worker's thread only: "failing: …" until a check succeeds.
    std::string failing_;
    RateMeter rates_;
    std::optional<SteadyTime> told_of_mismatches_;
    std::optional<SteadyTime> told_of_sieve_;
    bool gave_back_ = false;  // its memory, since the last search
    std::thread thread_;
};

}  // namespace vigil::node
