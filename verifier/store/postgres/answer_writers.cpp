#include "verifier/store/postgres/answer_writers.hpp"

#include <algorithm>

#include "verifier/store/postgres/answers.hpp"

namespace vigil::verifier::postgres {

AnswerWriters::AnswerWriters(const Address& address, unsigned threads, bool one_bucket_each,
                             std::atomic<std::uint64_t>& failures, const Pool::Eras& eras)
    : one_bucket_each_{one_bucket_each}, failures_{failures}, waiting_(threads) {
    for (std::size_t i = 0; i < threads; ++i)
        pools_.emplace_back(address, 1, nullptr, eras, writers_wait);
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { run(i); });
}

AnswerWriters::~AnswerWriters() {
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    given_.notify_all();
    for (auto& thread : threads_) thread.join();
}

std::vector<AnswerFate> AnswerWriters::record(std::span<const AnswerRecord* const> answers) {
    std::vector<Task> tasks(threads_.size());
    std::vector<std::pair<std::size_t, std::size_t>> places;  // of each answer: task, place in it
    for (const AnswerRecord* answer : answers) {
        const std::size_t thread = answer->node.bucket % threads_.size();
        places.emplace_back(thread, tasks[thread].answers.size());
        tasks[thread].answers.push_back(answer);
    }
    Batch batch;
    {
        std::unique_lock lock{mutex_};
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            if (tasks[i].answers.empty()) continue;
            waiting_[i].push_back({&tasks[i], &batch});
            ++batch.open;
        }
        given_.notify_all();
        done_.wait(lock, [&] { return batch.open == 0; });
    }
    for (const Task& task : tasks)
        if (task.failure) std::rethrow_exception(task.failure);
    std::vector<AnswerFate> fates;
    for (const auto& [task, place] : places) fates.push_back(tasks[task].fates[place]);
    return fates;
}

void AnswerWriters::run(std::size_t thread) {
    std::unique_lock lock{mutex_};
    for (;;) {
        given_.wait(lock, [&] { return stopping_ || !waiting_[thread].empty(); });
        if (waiting_[thread].empty()) return;
        const Waiting next = waiting_[thread].front();
        waiting_[thread].pop_front();
        lock.unlock();
        try {
            work_on(*next.task, pools_[thread]);
        } catch (...) {
            next.task->failure = std::current_exception();
        }
        lock.lock();
        if (--next.batch->open == 0) done_.notify_all();
    }
}

void AnswerWriters::work_on(Task& task, Pool& pool) {
    if (!one_bucket_each_) {
        record_at_once(task.answers, pool, task.fates);
        return;
    }
    std::vector<std::size_t> order(task.answers.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto bucket = [&](std::size_t i) { return task.answers[i]->node.bucket; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return bucket(a) < bucket(b); });
    task.fates.resize(task.answers.size());
    for (auto begin = order.begin(); begin != order.end();) {
        const auto end = std::find_if(begin, order.end(),
                                      [&](std::size_t i) { return bucket(i) != bucket(*begin); });
        std::vector<const AnswerRecord*> answers;
        for (auto i = begin; i != end; ++i) answers.push_back(task.answers[*i]);
        std::vector<AnswerFate> fates;
        record_at_once(answers, pool, fates);
        for (auto i = begin; i != end; ++i)
            task.fates[*i] = fates[static_cast<std::size_t>(i - begin)];
        begin = end;
    }
}

void AnswerWriters::record_at_once(std::span<const AnswerRecord* const> answers, Pool& pool,
                                   std::vector<AnswerFate>& fates) {
    bool again = false;
    const Patience patience = away_ ? Patience::brief : Patience::outage;
    try {
        with_repetition(
            [&] {
                const bool repeated = std::exchange(again, true);
                Pool::Loan db{pool};
                fates = record_answers(*db, answers);
                if (!repeated) return;
                // The commit before may have happened, its answer lost: then these were recorded by
                // it.
                for (std::size_t i = 0; i < fates.size(); ++i)
                    if (fates[i].kind == AnswerFate::Kind::repeated &&
                        fates[i].id == answers[i]->id && fates[i].received == answers[i]->received)
                        fates[i].kind = AnswerFate::Kind::recorded;
            },
            [this] { ++failures_; }, patience);
    } catch (...) {
        away_ = true;
        throw;
    }
    away_ = false;
}

}  // namespace vigil::verifier::postgres
