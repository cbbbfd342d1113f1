#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "node/metrics.hpp"
#include "node/news.hpp"
#include "node/outside_command.hpp"

namespace vigil::node {

/// An owner's program for one kind of news, as it is written.
struct HookSettings {
    std::vector<std::string> run{};  ///< program with arguments; no shell reads them
    std::int64_t timeout = 30;       ///< seconds
    std::int64_t per_hour = 60;      ///< starts
};

struct Hook {
    NewsKind kind{};
    std::vector<std::string> program;
    Milliseconds timeout{};
    std::size_t per_hour{};
};
/// `name`: "on_window_missed" and the like. The error names the key and says what is wrong with it.
Expected<Hook, std::string> hook_of(const std::string& name, const HookSettings& asked);

/// What the program is told: HOOK_EVENT, HOOK_TEXT, HOOK_TIME and HOOK_ with the name of each fact
/// in its environment (not VIGIL_…: those would be settings of a vigil-node that it calls), the
/// same as one JSON object on its standard input.
OutsideCommand::Facts facts_for(const News& news, Instant now);

/// Starts owners' programs, one at a time, on a thread of its own. A program that fails, hangs or
/// is asked for too often is logged and counted, and nothing else: the node goes on. At most 32
/// wait.
class HookRunner {
public:
    HookRunner(std::vector<Hook> hooks, Metrics& metrics, std::function<Instant()> now);
    ~HookRunner();  ///< the program under way is ended, what waits is not started

    void tell(const News& news);  ///< waits for nothing. Any thread.

private:
    struct Own {
        Hook hook;
        OutsideCommand command;
        std::deque<SteadyTime> starts{};  ///< of the last hour
        bool told_of_limit = false;
    };
    struct Waiting {
        Own* own{};
        OutsideCommand::Facts facts;
    };
    void run();
    void start(const Waiting& waiting);
    bool within_limit(Own& own, SteadyTime now);

    Metrics& metrics_;
    const std::function<Instant()> now_;
    std::vector<std::unique_ptr<Own>> hooks_;
    std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_, as are starts and told_of_limit
    std::deque<Waiting> waiting_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::node
