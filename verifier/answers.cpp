#include "verifier/answers.hpp"

#include <algorithm>
#include <atomic>
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
#include "verifier/two_lanes.hpp"

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

    Instant empty_until(Instant now) const {
        const std::lock_guard lock{mutex_};
        return inside_.empty() ? now : std::min(now, *inside_.begin() - Milliseconds{1});
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable first_left_;
    // guarded by mutex_
    std::multiset<Instant> inside_;
};

/// Of protocol 4.3's bytes under the signature, which an answer is held as beside itself.
std::size_t signed_size(const Answer& answer) {
    std::size_t size = 68;
    for (const Proof& proof : answer.proofs) size += 76 + 8 * proof.nonces.size();
    return size;
}

struct Waiting {
    ArrivedAnswer arrived;
    Answers::Reply reply;
};
using Lanes = TwoLanes<Waiting>;

}  // namespace

wire::JudgedCheck told(const DeviceId& device, const VerdictRecord& verdict) {
    return {.device = device,
            .kind = verdict.claim.kind,
            .ref = verdict.claim.ref,
            .verdict = verdict.judgement.verdict,
            .rate = verdict.judgement.rate,
            .baseline = verdict.judgement.baseline,
            .reason = verdict.judgement.reason};
}

struct Answers::Running {
    Running(Store& store, Roster& roster, Schedule& schedule, SigningKey receipt_key,
            const AnswersOptions& options, AnswerObserver told)
        : observer{std::move(told)},
          network{schedule.network()},
          bytes_limit{options.bytes_limit},
          judging{roster, schedule},
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
        reply({std::move(refusal), {}});
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
                                   id_of(waiting.arrived.answer), retry_after_failure});
        }
    }

    AnswerId id_of(const Answer& answer) const { return answer_id(signed_bytes(network, answer)); }

    const AnswerObserver observer;
    const NetworkId network;
    const std::size_t bytes_limit;
    std::atomic<std::size_t> bytes{0};          ///< of answers without a reply
    std::atomic<std::size_t> claimed_bytes{0};  ///< of these, by whoever names the node
    Turnstile turnstile;
    Judging judging;
    Committer committer;  // outlives the threads that feed it
    BoundedQueue<Waiting, Lanes> queue;
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
    Running& r = *running_;
    const Instant received = arrived.received;
    const std::size_t bytes = signed_size(arrived.answer);
    const std::size_t claimed = arrived.over_session ? 0 : bytes;
    const auto lane = arrived.over_session ? Lanes::Lane::first : Lanes::Lane::second;
    const bool of_all = (r.bytes += bytes) <= r.bytes_limit;
    const bool of_claimed = (r.claimed_bytes += claimed) <= r.bytes_limit / 4 || claimed == 0;
    r.turnstile.enter(received);
    Waiting waiting{std::move(arrived),
                    [reply = std::move(reply), &r, received, bytes, claimed](AnswerReply answer) {
                        r.bytes -= bytes;
                        r.claimed_bytes -= claimed;
                        reply(std::move(answer));
                        r.turnstile.leave(received);
                    }};
    if (of_all && of_claimed && r.queue.offer(lane, waiting)) return;
    r.refuse(waiting.reply, {RefusalReason::busy, "too many answers are waiting to be judged",
                             r.id_of(waiting.arrived.answer), retry_when_busy});
}

AnswerId Answers::id_of(const Answer& answer) const { return running_->id_of(answer); }

std::optional<Answers::Held> Answers::hold(Instant received, std::size_t bytes) {
    Running& r = *running_;
    // Half of what answers without a session may take: the other is left for known nodes.
    const bool of_all = (r.bytes += bytes) <= r.bytes_limit;
    const bool fits = (r.claimed_bytes += bytes) <= r.bytes_limit / 8 && of_all;
    std::shared_ptr<const void> counted{&r, [bytes](Running* at) {
                                            at->bytes -= bytes;
                                            at->claimed_bytes -= bytes;
                                        }};
    if (!fits) return std::nullopt;
    r.turnstile.enter(received);
    return Held{{&r, [received](Running* at) { at->turnstile.leave(received); }},
                std::move(counted)};
}

bool Answers::settle(Instant received, std::chrono::milliseconds limit) {
    return running_->turnstile.wait_for_those_up_to(received, limit);
}

Instant Answers::settled_until(Instant now) const { return running_->turnstile.empty_until(now); }

}  // namespace vigil::verifier
