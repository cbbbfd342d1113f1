#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "tests/load/node.hpp"

namespace vigil::load {

struct FleetOptions {
    Target target;
    std::string network;
    std::size_t nodes = 1'000;
    std::size_t unary = 0;     ///< of them: without a stream
    std::size_t devices = 32;  ///< of a node
    unsigned threads = 1;      ///< that serve connections
    unsigned preparing_threads = 2;
    std::uint32_t tries = 512;
    std::uint64_t seed = 1;
    std::size_t opening_at_once = 100;  ///< below what a verifier lets one address do
};

/// When a fleet check reached the streams.
struct Arrivals {
    std::uint64_t count = 0;
    Steady::time_point first, last;
};

struct PrepareOptions {
    std::size_t devices_an_answer = 1;
    std::size_t most = SIZE_MAX;
    Steady::time_point until = Steady::time_point::max();
};

/// All nodes of a run, on a few threads. Members are called from one thread.
class Fleet {
public:
    explicit Fleet(FleetOptions options);
    ~Fleet();  ///< ends every stream

    /// Enrols every node and opens the streams; how long it took. Throws after `within`.
    Steady::duration start(std::chrono::seconds within);
    /// A fleet check that begins after the call; throws when none comes in time.
    wire::OpenCheck next_check(std::chrono::seconds within);
    Arrivals arrivals() const;     ///< of the latest check
    std::uint64_t checks() const;  ///< fleet checks that have begun since the first stream opened

    /// Answers to a check, in nodes' turns, until all devices have one, or about `most` are
    /// prepared, or time is up. How many. While nothing is sent.
    std::size_t prepare(const wire::OpenCheck& check, const PrepareOptions& wanted);
    /// As fast as each node's window allows, until nothing is left or `until`.
    void send_freely(std::size_t window, Steady::time_point until);
    /// Each node as soon as its stream is open, until stop_sending().
    void send_as_they_open(std::size_t window);
    void stop_sending();
    /// At a rate, answers a second of all nodes, whatever comes back.
    void send_paced(double rate, Steady::time_point until);
    /// Nodes without a stream, evenly over `spread`; returns when the last one has begun.
    void submit_over(Steady::duration spread);
    /// Waits until every answer sent has its reply; how many have none.
    std::uint64_t wait_for_replies(std::chrono::milliseconds within);
    void forget_prepared();

    void close_streams(std::chrono::seconds within);
    Steady::duration open_streams(std::chrono::seconds within);
    /// Every so manieth node stops reading, or reads again. While it does not read, it sends all it
    /// has at once, and nobody waits for its replies.
    void read_slowly(std::size_t every, bool slowly);
    std::uint64_t wait_for_slow(std::chrono::milliseconds within);

    /// From now on every node pings its session so often, and its kernel watches the connection, as
    /// those of vigil-node do.
    void keep_pinging(std::chrono::seconds every);
    /// Every node asks what is open that often, over channels that they share.
    void keep_polling(std::chrono::seconds every);
    void stop_polling() { turning_ = false; }

    std::uint64_t open_streams() const;
    Record take_record();  ///< what happened since the last one
    const std::optional<wire::Network>& network() const { return network_; }

private:
    struct Team;
    void each_team(const std::function<void(Team&)>& task);
    void learned(const wire::OpenCheck& check);
    void in_turns(Steady::duration every,
                  const std::function<void(LoadNode&, std::size_t turn)>& act);

    const FleetOptions options_;
    std::atomic<bool> turning_{false};
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::optional<wire::OpenCheck> latest_;
    Steady::time_point latest_at_;
    Arrivals arrivals_;
    std::uint64_t checks_ = 0;
    std::optional<wire::Network> network_;

    std::vector<std::unique_ptr<Team>> teams_;
    std::vector<std::shared_ptr<grpc::Channel>> shared_;  ///< of the nodes without a stream
};

}  // namespace vigil::load
