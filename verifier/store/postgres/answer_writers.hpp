#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "verifier/store/postgres/pool.hpp"

namespace vigil::verifier::postgres {

/// Threads that record answers, each on a connection of its own and for buckets of its own, so that
/// the server works on several transactions at once.
class AnswerWriters {
public:
    /// `one_bucket_each`: a transaction holds answers of one bucket only, as engines want it that
    /// keep buckets on different machines. `failures` counts attempts that were repeated.
    AnswerWriters(const Address& address, unsigned threads, bool one_bucket_each,
                  std::atomic<std::uint64_t>& failures, const Pool::Eras& eras);
    AnswerWriters(const AnswerWriters&) = delete;
    AnswerWriters& operator=(const AnswerWriters&) = delete;
    ~AnswerWriters();

    /// Returns when all are recorded, or rethrows what one thread could not do; then others may be
    /// recorded.
    std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers);

private:
    struct Task {
        std::vector<const AnswerRecord*> answers;
        std::vector<AnswerFate> fates;
        std::exception_ptr failure;
    };
    /// What the callers of record() wait for.
    struct Batch {
        std::size_t open{};
    };
    struct Waiting {
        Task* task;
        Batch* batch;
    };

    void run(std::size_t thread);
    void work_on(Task& task, Pool& pool);
    void record_at_once(std::span<const AnswerRecord* const> answers, Pool& pool,
                        std::vector<AnswerFate>& fates);

    const bool one_bucket_each_;
    std::atomic<std::uint64_t>& failures_;
    /// One batch has waited as long as an outage may be; those behind it need not, one by one.
    std::atomic<bool> away_{false};

    std::mutex mutex_;
    std::condition_variable given_, done_;
    // guarded by mutex_
    std::vector<std::deque<Waiting>> waiting_;  ///< of each thread
    bool stopping_{};

    std::deque<Pool> pools_;  ///< of one connection each
    std::vector<std::thread> threads_;
};

}  // namespace vigil::verifier::postgres
