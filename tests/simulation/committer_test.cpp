#include "verifier/committer.hpp"

#include <gtest/gtest.h>

#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;

/// Cannot record, and takes its time to say so.
class HangingStore final : public Store {
public:
    explicit HangingStore(Store& store) : store_{store} {}
    void write(const std::function<void(Transaction&)>& work) override { store_.write(work); }
    std::vector<AnswerFate> record(std::span<const AnswerRecord* const>) override {
        ++attempts;
        std::this_thread::sleep_for(20ms);
        throw StoreFailed{"no answer"};
    }
    void read(const std::function<void(Reader&)>& work) override { store_.read(work); }
    void await_writers() override { store_.await_writers(); }
    bool writes_across_buckets() const override { return store_.writes_across_buckets(); }
    Health health() override { return store_.health(); }
    int attempts = 0;

private:
    Store& store_;
};

// Each batch was tried for half a minute, so that the program did not end for minutes.
TEST(Committer, RefusesWhatIsLeftWhenItEndsWhileTheStoreFails) {
    constexpr int answers = 300;
    World world{1};
    world.boot();
    HangingStore store{world.store()};
    int refused = 0;
    {
        const AnswerObserver observer{};
        AnswersOptions options;
        options.batch_limit = 1;
        Committer committer{store, world.roster(), {}, SigningKey{KeySeed{}}, options, observer};
        for (int i = 0; i < answers; ++i)
            committer.put({.answer = {}, .reply = [&](const AnswerReply& reply) {
                               refused += std::holds_alternative<Refusal>(reply.outcome);
                           }});
    }
    EXPECT_EQ(refused, answers) << "nobody is left without a reply";
    EXPECT_LT(store.attempts, answers / 2);
}

}  // namespace
}  // namespace vigil::verifier::simulation
