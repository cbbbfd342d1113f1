#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <grpcpp/grpcpp.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "verifier/service/service.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::test {

/// A real store whose writes can be made to fail or to wait, and its reads to fail.
class TouchyStore final : public Store {
public:
    explicit TouchyStore(std::unique_ptr<Store> real) : real_{std::move(real)} {}

    void write(const std::function<void(Transaction&)>& work) override;
    std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers) override;
    void read(const std::function<void(Reader&)>& work) override;
    void await_writers() override { real_->await_writers(); }
    bool writes_across_buckets() const override { return real_->writes_across_buckets(); }
    Health health() override { return real_->health(); }

    std::uint64_t reads() const { return reads_; }  ///< that were begun, also those that wait
    std::atomic<bool> fails{false};
    std::atomic<bool> fails_to_read{false};
    std::atomic<bool> fails_to_read_after_a_write{false};
    void hold();     ///< writes wait from now on
    void release();  ///< until now
    void hold_reads();
    void release_reads();

private:
    template <class Work>
    void pass_on(const Work& work);

    std::unique_ptr<Store> real_;
    std::mutex held_, reads_held_;
    std::atomic<std::uint64_t> reads_{0};
};

/// The time is what the test says.
class ManualClock {
public:
    Instant now() const { return instant_from_ms(ms_); }
    void set(Instant t) { ms_ = to_ms(t); }
    void advance(Milliseconds by) { ms_ += by.count(); }

private:
    std::atomic<std::int64_t> ms_{0};
};

/// Rules of a day, with k small enough to be found by trying 2,000 nonces.
Policy small_policy();

struct WorldOptions {
    ServiceOptions service;
    AnswersOptions answers;
    bool tls = true;
    std::function<void(std::chrono::steady_clock::duration)> broadcast = {};  ///< is told of each
};

/// A whole verifier over TLS on a free port, with a store in memory and a clock of its own,
/// standing at the begin of a window.
class World {
public:
    explicit World(WorldOptions options = {});
    ~World();

    /// `port`: of something between; 0: the verifier's own.
    std::shared_ptr<grpc::Channel> connect(grpc::ChannelArguments arguments = {},
                                           int port = 0) const;
    /// Nodes are new at the start of a window, so each test begins in one.
    WindowIndex window() const { return schedule.calendar().window_at(clock.now()); }
    std::shared_ptr<const WindowPlan> plan() { return schedule.plan(window()); }
    /// The next fleet check of this window; the clock stands at its start.
    FleetCheck begin_fleet_check(CheckKind kind);
    std::uint64_t refused(RefusalReason reason);

    ManualClock clock;
    TouchyStore store;
    SigningKey receipt_key;
    std::unique_ptr<Schedule> schedule_holder;
    Schedule& schedule;
    Roster roster;

private:
    void count(RefusalReason reason);

    std::filesystem::path folder_;
    std::string certificate_;
    std::mutex mutex_;
    std::map<RefusalReason, std::uint64_t> refused_;
    Outlets outlets_;

public:
    Answers answers;
    std::unique_ptr<Service> service;
};

}  // namespace vigil::verifier::test
