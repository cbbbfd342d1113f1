// Several verifiers on one PostgreSQL: no answer slips in behind whoever closes its window. Each
// case stops one of them at the place that matters.
#include <chrono>
#include <future>
#include <thread>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using Kind = AnswerFate::Kind;

class PostgresClosing : public testing::TestWithParam<bool> {
protected:
    void SetUp() override {
        if (!PrivatePostgres::programs()) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
        server_ = PrivatePostgres::shared();
        uri_ = server_->fresh_schema();
        enrolled_ = enrol(*(ours_ = open()), 9, 1);
        theirs_ = open();
    }
    std::unique_ptr<Store> open() {
        return open_postgres_store(
            PostgresSettings{.uri = uri_, .bucket_transactions = GetParam()});
    }
    AnswerRecord answer_to(std::uint64_t slot) {
        return answer(enrolled_.node.ref, {hourly(enrolled_.first(), slot)}, slot);
    }
    /// Our transaction that has recorded an answer and ends when released.
    std::future<void> record_and_wait(const AnswerRecord& one, std::future<void> released) {
        std::promise<void> recorded;
        auto reached = recorded.get_future();
        auto done = std::async(std::launch::async, [this, one, recorded = std::move(recorded),
                                                    released = std::move(released)]() mutable {
            ours_->write([&](Transaction& tx) {
                EXPECT_EQ(tx.record(one).kind, Kind::recorded);
                recorded.set_value();
                released.wait();
            });
        });
        reached.wait();
        return done;
    }
    void wait_until_one_waits_for_a_row() {
        const auto waiting = [this] {
            return server_->run(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND application_name = 'vigil-verifier'");
        };
        for (int i = 0; i < 3'000 && waiting() == "0"; ++i) std::this_thread::sleep_for(10ms);
        ASSERT_EQ(waiting(), "1");
    }
    void begin_closing(Store& store, std::int64_t window) {
        store.write([&](Transaction& tx) { tx.begin_closing({window}, at(1)); });
    }

    PrivatePostgres* server_ = nullptr;
    std::string uri_;
    std::unique_ptr<Store> ours_, theirs_;
    Enrolled enrolled_;
};
INSTANTIATE_TEST_SUITE_P(Transactions, PostgresClosing, testing::Bool(), [](const auto& one) {
    return one.param ? std::string{"bucket"} : std::string{"whole"};
});

TEST_P(PostgresClosing, CloserWaitsForAnswerRecordedBeforeItsMarker) {
    std::promise<void> release;
    auto recording = record_and_wait(answer_to(41), release.get_future());
    begin_closing(*theirs_, 10);
    auto waiting = std::async(std::launch::async, [&] { theirs_->await_writers(); });
    wait_until_one_waits_for_a_row();
    EXPECT_TRUE(read(*theirs_, [](Reader& r) { return r.verdicts_of({10}); }).empty())
        << "not committed yet";
    EXPECT_EQ(waiting.wait_for(0s), std::future_status::timeout);
    release.set_value();
    waiting.get();
    EXPECT_EQ(read(*theirs_, [](Reader& r) { return r.verdicts_of({10}); }).size(), 1U);
    recording.get();
}

/// The answer waits for its bucket while the closing of its window begins, and must see that then.
TEST_P(PostgresClosing, AnswerThatWaitedForItsBucketSeesTheMarker) {
    for (const bool in_batch : {true, false}) {
        const std::int64_t window = in_batch ? 10 : 11;
        const auto slot = static_cast<std::uint64_t>(window) * 4;
        std::promise<void> release;
        auto recording = record_and_wait(answer_to(400 + slot), release.get_future());
        const AnswerRecord late = answer_to(slot);
        auto fate = std::async(std::launch::async, [&] {
            const AnswerRecord* pointer = &late;
            return in_batch ? theirs_->record({&pointer, 1}).at(0) : record(*theirs_, late);
        });
        wait_until_one_waits_for_a_row();
        begin_closing(*open(), window);
        release.set_value();
        recording.get();
        EXPECT_EQ(fate.get().kind, Kind::closed) << (in_batch ? "in a batch" : "alone");
        ours_->write([&](Transaction& tx) { tx.finish_closing({window}); });
    }
}

TEST_P(PostgresClosing, CloserHoldsNobodyUpWhenItHasSeenABucket) {
    begin_closing(*theirs_, 10);
    theirs_->await_writers();
    const auto late = answer_to(41), next = answer_to(44);
    const std::vector<const AnswerRecord*> both{&late, &next};
    const auto fates = ours_->record(both);
    EXPECT_EQ(fates.at(0).kind, Kind::closed);
    EXPECT_EQ(fates.at(1).kind, Kind::recorded) << "the next window is open";
}

}  // namespace
}  // namespace vigil::verifier
