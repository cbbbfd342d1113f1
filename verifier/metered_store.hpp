#pragma once

#include <atomic>
#include <memory>

#include "verifier/metrics.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// A store whose transactions are timed and counted, and which knows whether it can be written.
class MeteredStore final : public Store {
public:
    MeteredStore(std::unique_ptr<Store> store, Metrics& metrics);

    void write(const std::function<void(Transaction&)>& work) override;
    void write_redoable(const std::function<void(Transaction&)>& work) override;
    void write_punctual(const std::function<void(Transaction&)>& work) override;
    std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers) override;
    void read(const std::function<void(Reader&)>& work) override;
    void await_writers() override;
    bool writes_across_buckets() const override;
    Health health() override;

    bool last_write_failed() const { return last_write_failed_; }

private:
    template <class Work>
    void timed_write(const Work& work);

    std::unique_ptr<Store> store_;
    Metrics& metrics_;
    std::atomic<bool> last_write_failed_{false};
};

}  // namespace vigil::verifier
