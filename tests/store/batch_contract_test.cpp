#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using Kind = AnswerFate::Kind;

class BatchContract : public StoreContract {
protected:
    std::vector<AnswerFate> offer(const std::vector<AnswerRecord>& answers) {
        std::vector<const AnswerRecord*> pointers;
        for (const auto& answer : answers) pointers.push_back(&answer);
        return store().record(pointers);
    }
};
INSTANTIATE_TEST_SUITE_P(Every, BatchContract, every_implementation(), implementation_name);

TEST_P(BatchContract, EveryFateInOneBatchAsOneByOne) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 200, 2, 2);
    close(store(), 5);
    const auto old = answer(a.node.ref, {hourly(a.first(), 40)}, 1);
    record(store(), old);
    const auto both =
        answer(b.node.ref, {hourly(b.devices[0].ref, 41), hourly(b.devices[1].ref, 41)}, 2);
    auto again = both;
    again.received = at(99'000);
    const std::vector offered{
        old,    // repeated, from the store
        both,   // recorded
        again,  // repeated, from this batch
        answer(b.node.ref,
               {hourly(b.devices[0].ref, 41),  // contradicted: half is taken
                hourly(b.devices[1].ref, 42)},
               3),
        answer(a.node.ref, {hourly(a.first(), 20)}, 4),  // window 5 is closed
        answer(a.node.ref, {hourly(a.first(), 43)}, 5),
    };
    const auto fates = offer(offered);
    ASSERT_EQ(fates.size(), offered.size());
    const std::vector<Kind> expected{Kind::repeated,     Kind::recorded, Kind::repeated,
                                     Kind::contradicted, Kind::closed,   Kind::recorded};
    for (std::size_t i = 0; i < fates.size(); ++i) EXPECT_EQ(fates[i].kind, expected[i]) << i;
    EXPECT_EQ(fates[0].received, old.received);
    EXPECT_EQ(fates[2].id, both.id);
    EXPECT_EQ(fates[2].received, both.received) << "of the first one";
    EXPECT_EQ(fates[3].id, both.id);
    const auto stored = read(store(), [](Reader& r) { return r.answers_after(9, 0, 10); });
    ASSERT_EQ(stored.size(), 2U);
    EXPECT_EQ(stored[1].id, offered[5].id);
    EXPECT_EQ(stored[1].number, 2);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.verdicts_of({10}); }).size(), 4U);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.answer_count(); }), 3);
}

TEST_P(BatchContract, NothingOfferedIsNothingDone) { EXPECT_TRUE(offer({}).empty()); }

TEST_P(BatchContract, UnjudgedAnswersAndCalibrationsOfABatchAreKeptAsSuch) {
    const auto e = enrol(store(), 9, 1, 2);
    const CheckClaim calibration{
        .device = e.first(), .window = {10}, .kind = CheckKind::calibration, .ref = 1};
    auto calibrated = answer(e.node.ref, {calibration}, 1);
    calibrated.verdicts[0].judgement.rate = 77;
    offer({unjudged(answer(e.node.ref, {hourly(e.first(), 41)}, 2)), calibrated});
    const auto waiting = read(store(), [](Reader& r) { return r.unjudged_answers({10}); });
    ASSERT_EQ(waiting.size(), 1U);
    const auto rates = read(store(), [](Reader& r) { return r.calibration_rates(); });
    ASSERT_EQ(rates.size(), 1U);
    EXPECT_EQ(rates[0].second, 77U);
}

TEST_P(BatchContract, WritersTogetherNumberWithoutGapsAndTakeEachCheckOnce) {
    constexpr std::uint64_t rounds = 40;
    const auto a = enrol(store(), 9, 1, 1), b = enrol(store(), 10, 2, 1);
    std::atomic<int> recorded{};
    std::vector<std::thread> writers;
    for (int w = 0; w < 4; ++w)
        writers.emplace_back([&, w] {
            for (std::uint64_t i = 0; i < rounds; ++i) {
                // Two writers each want the same checks, with answers of their own.
                const std::uint64_t n = i * 4 + static_cast<std::uint64_t>(w);
                const auto slot = static_cast<std::uint64_t>(w / 2) * rounds + i;
                for (const auto& fate : offer({answer(a.node.ref, {hourly(a.first(), slot)}, n),
                                               answer(b.node.ref, {hourly(b.first(), slot)}, n)}))
                    recorded += fate.kind == Kind::recorded;
            }
        });
    for (auto& writer : writers) writer.join();
    EXPECT_EQ(recorded, static_cast<int>(4 * rounds));
    for (const std::uint8_t bucket : {std::uint8_t{9}, std::uint8_t{10}}) {
        const auto stored =
            read(store(), [&](Reader& r) { return r.answers_after(bucket, 0, 1'000); });
        ASSERT_EQ(stored.size(), 2 * rounds);
        for (std::size_t i = 0; i < stored.size(); ++i)
            EXPECT_EQ(stored[i].number, static_cast<std::int64_t>(i + 1));
    }
}

TEST_P(BatchContract, AnswerIsSeenByTheClosingOrRefusedByIt) {
    constexpr std::int64_t windows = 20;
    const auto e = enrol(store(), 9, 1, 1);
    std::atomic<std::int64_t> open{1};
    std::atomic<bool> done{};
    std::thread closer{[&] {
        for (std::int64_t w = 1; w <= windows; ++w) {
            store().write([&](Transaction& tx) { tx.begin_closing({w}, at(w)); });
            store().await_writers();
            const auto seen = read(store(), [&](Reader& r) { return r.verdicts_of({w}); }).size();
            store().write([&](Transaction& tx) { tx.finish_closing({w}); });
            open = w + 1;
            EXPECT_EQ(read(store(), [&](Reader& r) { return r.verdicts_of({w}); }).size(), seen)
                << "an answer was recorded for window " << w << " after it was closed";
        }
        done = true;
    }};
    std::vector<std::thread> writers;
    for (std::uint64_t w = 0; w < 2; ++w)
        writers.emplace_back([&, w] {
            for (std::uint64_t n = w; !done; n += 2) {
                CheckClaim claim = hourly(e.first(), n);
                claim.window = {open};
                offer({answer(e.node.ref, {claim}, n)});
            }
        });
    closer.join();
    for (auto& writer : writers) writer.join();
}

}  // namespace
}  // namespace vigil::verifier
