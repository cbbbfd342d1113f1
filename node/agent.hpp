#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "core/schedule/calendar.hpp"
#include "node/board.hpp"
#include "node/device_worker.hpp"
#include "node/metrics.hpp"
#include "node/outbox.hpp"

namespace vigil::node {

struct AgentDevice {
    std::unique_ptr<Searcher> searcher;
    std::string label;
    DeviceId id;
    unsigned duty = 100;  ///< percent
};

struct AgentOptions {
    SigningKey key;
    NodeId node;
    std::filesystem::path data_dir;
    std::filesystem::path answers_log;  ///< empty: off
    std::function<Instant()> now;       ///< calendar clock, for people only
    std::function<Milliseconds()> round_trip;
    AnswerWays ways;
    /// By a device's place: the owner's limits that it is beyond. Any thread.
    std::function<Beyond(std::size_t)> beyond = [](std::size_t) { return Beyond{}; };
};

/// Answers checks (architecture, "a challenge on the node"): hands each to its devices, gathers
/// their proofs, keeps the receipts. Nothing is answered before the first connected(), which names
/// the network. Any thread.
class Agent {
public:
    /// `board` lists the same devices in the same order; it and `metrics` outlive the agent.
    /// `prove` is honest_source() or a rehearsal's.
    Agent(AgentOptions options, std::vector<AgentDevice> devices, ProofSource prove, Board& board,
          Metrics& metrics);
    ~Agent();  ///< quits

    void connected(const wire::Network& network, SteadyTime seen);
    /// A check that is open; told any number of times, answered once. What no device of ours can
    /// answer is left out, and so are devices that are retired as it starts, by the board.
    void learn(const OpenCheck& check, SteadyTime learned);
    void take(const Receipt& receipt);
    void take(const Refusal& refusal);
    void take(const JudgedCheck& judged);
    /// An answer beside the proofs of devices: for rehearsals.
    void post(const Answer& answer, const DeviceCheck& check);

    void finish();          ///< takes no more checks; those taken are answered
    bool finished() const;  ///< every device idle, every answer receipted or overdue
    void quit();  ///< leaves what is being searched; progress and unsent answers stay on disk

private:
    std::optional<std::size_t> index_of(const DeviceId& device) const;
    bool first_time(const Challenge& challenge);
    void hand_out(const OpenCheck& check, SteadyTime learned, std::span<const std::size_t> indexes);
    OutboxEvents outbox_events();
    void keep_error(std::string what);
    Outbox* outbox() const;

    const AgentOptions options_;
    const std::vector<DeviceId> devices_;
    const std::vector<std::string> labels_;
    Board& board_;
    Metrics& metrics_;
    LineFile receipts_;
    std::optional<LineFile> answers_;
    DiskThread disk_;  // ends after the outbox and before what its jobs write to
    ProgressFiles progress_;
    mutable std::mutex mutex_;
    // guarded by mutex_
    std::optional<wire::Network> network_;
    std::optional<Calendar> calendar_;
    std::deque<Challenge> taken_;
    bool finishing_ = false;
    std::unique_ptr<Outbox> outbox_;  // made once; ended in the destructor, after the workers
    std::vector<std::unique_ptr<DeviceWorker>> workers_;
};

/// What a node does that earns.
ProofSource honest_source();

}  // namespace vigil::node
