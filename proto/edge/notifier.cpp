#include "proto/edge/notifier.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <spdlog/spdlog.h>
#include <thread>

#include "proto/edge/logging.hpp"

namespace vigil::edge {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds longest_ping_wait{10'000};  ///< after one that failed
constexpr std::size_t most_waiting = 64;

}  // namespace

std::string_view to_string(Notifier::Result result) {
    switch (result) {
        case Notifier::Result::delivered:
            return "delivered";
        case Notifier::Result::retried:
            return "retried";
        case Notifier::Result::given_up:
            return "given_up";
        case Notifier::Result::dropped:
            return "dropped";
    }
    return "dropped";
}

/// One channel with its queue and its thread.
struct Notifier::Lane {
    Lane(Channel to, Hooks told) : channel{std::move(to)}, hooks{std::move(told)} {
        thread = std::thread{[this] { run(); }};
    }
    ~Lane() {
        std::size_t left = 0;
        {
            const std::lock_guard lock{mutex};
            stopping = true;
            left = waiting.size();
        }
        changed.notify_all();
        thread.join();
        for (; left > 0; --left) count(Result::dropped);
    }

    void count(Result result) const {
        if (hooks.counted) hooks.counted(channel.kind, result);
    }

    void add(std::optional<Notice> notice) {
        const std::lock_guard lock{mutex};
        if (waiting.size() >= most_waiting) {
            waiting.pop_front();
            count(Result::dropped);
            if (!std::exchange(told_of_dropping, true))
                spdlog::warn("notifications by {}: {} wait already, the oldest are dropped",
                             channel.name, most_waiting);
        }
        waiting.push_back(std::move(notice));
        changed.notify_all();
    }

    void ping() {
        {
            const std::lock_guard lock{mutex};
            const auto now = steady_clock::now();
            if (pinged && now - *pinged < channel.ping_every / hooks.hurry) return;
            pinged = now;
            if (!waiting.empty()) return;  // one is on its way or has trouble enough
        }
        add(std::nullopt);
    }

    void run() {
        for (;;) {
            std::unique_lock lock{mutex};
            changed.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (stopping) return;
            const std::optional<Notice> next = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            if (!deliver(next)) return count(Result::dropped);
        }
    }

    bool stops() {
        const std::lock_guard lock{mutex};
        return stopping;
    }

    /// False: the end came first.
    bool deliver(const std::optional<Notice>& notice) {
        if (!channel.broken.empty()) {
            count(Result::given_up);
            return true;
        }
        const std::string id = drawn_notice_id();
        for (unsigned attempt = 1;; ++attempt) {
            const HttpCall call =
                notice ? call_for(channel, *notice, id, hooks.now()) : ping_for(channel);
            const auto answer = http_call(call, [this] { return stops(); });
            if (stops() && !answer) return false;
            const Delivery judged = judge_delivery(answer, attempt);
            switch (judged.next) {
                case Delivery::Next::delivered:
                    count(Result::delivered);
                    tell_trouble("");
                    return true;
                case Delivery::Next::give_up:
                    count(Result::given_up);
                    spdlog::error("notification by {} ({}) given up after {} attempts: {}",
                                  channel.name, to_string(channel.kind), attempt,
                                  for_log(judged.why));
                    return true;
                case Delivery::Next::retry:
                    tell_trouble(judged.why);
                    if (!notice) return leave_ping();
                    count(Result::retried);
                    break;
            }
            std::unique_lock lock{mutex};
            if (changed.wait_for(lock, judged.wait / hooks.hurry, [this] { return stopping; }))
                return false;
        }
    }

    /// A ping says that all is well now: a late one may be untrue. Another is sent soon, if all is
    /// still well then. False: the end came first.
    bool leave_ping() {
        count(Result::given_up);
        std::unique_lock lock{mutex};
        const Milliseconds wait = std::min(channel.ping_every, longest_ping_wait);
        if (changed.wait_for(lock, wait / hooks.hurry, [this] { return stopping; })) return false;
        pinged.reset();
        return true;
    }

    /// The same once.
    void tell_trouble(const std::string& why) {
        if (!why.empty() && why != trouble)
            spdlog::warn("notification by {} ({}) not delivered yet, tried again: {}", channel.name,
                         to_string(channel.kind), for_log(why));
        trouble = why;
    }

    const Channel channel;
    const Hooks hooks;
    std::string trouble;  // of the thread
    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    std::deque<std::optional<Notice>> waiting;  ///< nothing: a ping
    std::optional<steady_clock::time_point> pinged;
    bool told_of_dropping = false;
    bool stopping = false;
    std::thread thread;
};

Notifier::Notifier(std::vector<Channel> channels, Hooks hooks) {
    for (Channel& channel : channels)
        lanes_.push_back(std::make_unique<Lane>(std::move(channel), hooks));
}

Notifier::~Notifier() = default;

void Notifier::tell(const Notice& notice) {
    for (const auto& lane : lanes_)
        if (lane->channel.kind != ChannelKind::ping) lane->add(notice);
}

void Notifier::ping() {
    for (const auto& lane : lanes_)
        if (lane->channel.kind == ChannelKind::ping) lane->ping();
}

bool Notifier::has_channels() const { return !lanes_.empty(); }

}  // namespace vigil::edge
