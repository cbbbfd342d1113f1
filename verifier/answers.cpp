#include "verifier/answers.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/require.hpp"
#include "verifier/bounded_queue.hpp"
#include "verifier/committer.hpp"
#include "verifier/judging.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds retry_when_busy{1'000};
constexpr Milliseconds retry_after_failure{1'000};

/// The receive times of the answers between submission and reply. Waiting for those up to a moment
/// does not wait for newcomers, however many there are and however often the waiting is taken up
/// again.
class Turnstile {
public:
    void enter(Instant received) {
        const std::lock_guard lock{mutex_};
        inside_.insert(received);
    }
    void leave(Instant received) {
        const std::lock_guard lock{mutex_};
        const auto own = inside_.find(received);
        const bool was_first = own == inside_.begin();
        inside_.erase(own);
        if (was_first) first_left_.notify_all();
    }
    bool wait_for_those_up_to(Instant received, std::chrono::milliseconds limit) {
        std::unique_lock lock{mutex_};
        return first_left_.wait_for(lock, limit,
                                    [&] { return inside_.empty() || *inside_.begin() > received; });
    }

private:
    std::mutex mutex_;
    std::condition_variable first_left_;
    // guarded by mutex_
    std::multiset<Instant> inside_;
};

struct Waiting {
    ArrivedAnswer arrived;
    Answers::Reply reply;
};

}  // namespace

struct Answers::Running {
    Running(Store& store, Roster& roster, Schedule& schedule, SigningKey receipt_key,
            const AnswersOptions& options, AnswerObserver told)
        : observer{std::move(told)},
          judging{store, roster, schedule},
          committer{store, roster, schedule.network(), std::move(receipt_key), options, observer},
          queue{options.queue_limit} {
        for (unsigned i = 0; i < options.judging_threads; ++i)
            threads.emplace_back([this] { run(); });
    }
    ~Running() {
        queue.close();
        for (std::thread& thread : threads) thread.join();
    }

    void refuse(const Reply& reply, Refusal refusal) const {
        if (observer.refused) observer.refused(refusal.reason);
        reply(std::move(refusal));
    }

    void run() {
        while (auto waiting = queue.take()) judge(*std::move(waiting));
    }

    void judge(Waiting waiting) {
        const auto begun = std::chrono::steady_clock::now();
        try {
            auto judged = judging.judge(waiting.arrived);
            if (observer.judging) observer.judging(std::chrono::steady_clock::now() - begun);
            if (judged)
                committer.put({*std::move(judged), std::move(waiting.reply)});
            else
                refuse(waiting.reply, std::move(judged.error()));
        } catch (const StoreFailed&) {
            refuse(waiting.reply, {RefusalReason::unavailable,
                                   "the verifier could not read its store; nothing was decided",
                                   {},
                                   retry_after_failure});
        }
    }

    const AnswerObserver observer;
    Turnstile turnstile;
    Judging judging;
    Committer committer;  // outlives the threads that feed it
    BoundedQueue<Waiting> queue;
    std::vector<std::thread> threads;
};

Answers::Answers(Store& store, Roster& roster, Schedule& schedule, SigningKey receipt_key,
                 AnswersOptions options, AnswerObserver observer) {
    require(options.judging_threads > 0 && options.queue_limit > 0 && options.batch_limit > 0,
            "answers need a thread, a queue and a batch");
    running_ = std::make_unique<Running>(store, roster, schedule, std::move(receipt_key), options,
                                         std::move(observer));
}

Answers::~Answers() = default;

void Answers::submit(ArrivedAnswer arrived, Reply reply) {
    const Instant received = arrived.received;
    Turnstile& turnstile = running_->turnstile;
    turnstile.enter(received);
    Waiting waiting{std::move(arrived),
                    [reply = std::move(reply), &turnstile, received](AnswerReply answer) {
                        reply(std::move(answer));
                        turnstile.leave(received);
                    }};
    if (running_->queue.offer(waiting)) return;
    running_->refuse(
        waiting.reply,
        {RefusalReason::busy, "too many answers are waiting to be judged", {}, retry_when_busy});
}

bool Answers::settle(Instant received, std::chrono::milliseconds limit) {
    return running_->turnstile.wait_for_those_up_to(received, limit);
}

}  // namespace vigil::verifier
