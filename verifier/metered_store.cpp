#include "verifier/metered_store.hpp"

namespace vigil::verifier {
namespace {

template <class Work>
void timed(Metrics& metrics, const char* operation, const Work& work) {
    const auto begun = std::chrono::steady_clock::now();
    try {
        work();
    } catch (const StoreFailed&) {
        metrics.count_store_error();
        throw;
    }
    metrics.observe_store(operation, std::chrono::steady_clock::now() - begun);
}

}  // namespace

MeteredStore::MeteredStore(std::unique_ptr<Store> store, Metrics& metrics)
    : store_{std::move(store)}, metrics_{metrics} {}

template <class Work>
void MeteredStore::timed_write(const Work& work) {
    try {
        timed(metrics_, "write", work);
        last_write_failed_ = false;
    } catch (const StoreFailed&) {
        last_write_failed_ = true;
        throw;
    }
}

void MeteredStore::write(const std::function<void(Transaction&)>& work) {
    timed_write([&] { store_->write(work); });
}

void MeteredStore::write_redoable(const std::function<void(Transaction&)>& work) {
    timed_write([&] { store_->write_redoable(work); });
}

void MeteredStore::write_punctual(const std::function<void(Transaction&)>& work) {
    timed_write([&] { store_->write_punctual(work); });
}

std::vector<AnswerFate> MeteredStore::record(std::span<const AnswerRecord* const> answers) {
    std::vector<AnswerFate> fates;
    timed_write([&] { fates = store_->record(answers); });
    return fates;
}

void MeteredStore::read(const std::function<void(Reader&)>& work) {
    timed(metrics_, "read", [&] { store_->read(work); });
}

void MeteredStore::await_writers() { store_->await_writers(); }

bool MeteredStore::writes_across_buckets() const { return store_->writes_across_buckets(); }

Store::Health MeteredStore::health() { return store_->health(); }

}  // namespace vigil::verifier
