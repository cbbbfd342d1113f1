#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "verifier/bounded_queue.hpp"
#include "verifier/judging.hpp"

namespace vigil::verifier {

/// The second half of an answer's way: one thread that writes whatever has arrived in one
/// transaction, without waiting for more, and replies once it is durable (protocol 9.3).
class Committer {
public:
    struct Work {
        JudgedAnswer answer;
        Answers::Reply reply;
    };

    Committer(Store& store, Roster& roster, const NetworkId& network, SigningKey receipt_key,
              const AnswersOptions& options, const AnswerObserver& observer);
    /// Finishes what it was given; once the store has failed, what is left is refused at once.
    ~Committer();

    void put(Work work);  ///< waits for room

private:
    void run();
    void commit(std::vector<Work>& batch);
    void refuse(const std::vector<Work>& batch) const;
    std::variant<Receipt, Refusal> outcome_of(const AnswerFate& fate,
                                              const AnswerId& offered) const;

    Store& store_;
    Roster& roster_;
    const NetworkId network_;
    const SigningKey receipt_key_;
    const std::size_t batch_limit_;
    const AnswerObserver& observer_;
    BoundedQueue<Work> queue_;
    std::atomic<bool> ending_{false};
    bool failed_{};  ///< the store did, at the last batch; of the thread
    std::thread thread_;
};

}  // namespace vigil::verifier
