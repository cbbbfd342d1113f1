#include <atomic>
#include <thread>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class TransactionContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, TransactionContract, every_implementation(), implementation_name);

std::int64_t count(Store& store) {
    return read(store, [](Reader& r) { return r.answer_count(); });
}

TEST_P(TransactionContract, SeesItsOwnWritesAndReadersSeeThemAfterTheCommit) {
    const auto e = enrol(store(), 9, 1);
    store().write([&](Transaction& tx) {
        tx.record(answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        EXPECT_EQ(tx.answer_count(), 1);
        EXPECT_EQ(tx.verdicts_of({10}).size(), 1U);
        EXPECT_EQ(count(store()), 0);
    });
    EXPECT_EQ(count(store()), 1);
}

TEST_P(TransactionContract, ReaderKeepsItsSnapshotAndHoldsNoWriterUp) {
    const auto e = enrol(store(), 9, 1);
    store().read([&](Reader& r) {
        record(store(), answer(e.node.ref, {hourly(e.first(), 41)}, 1));  // would wait for ever
        EXPECT_EQ(r.answer_count(), 0);
        EXPECT_TRUE(r.verdicts_of({10}).empty());
        EXPECT_EQ(count(store()), 1);
    });
}

TEST_P(TransactionContract, ThrownOutOfTransactionLeavesNothing) {
    const auto e = enrol(store(), 9, 1);
    struct Unrelated {};
    EXPECT_THROW(store().write([&](Transaction& tx) {
        tx.record(answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        tx.close_window({10}, at(0), {}, {}, {});
        throw Unrelated{};
    }),
                 Unrelated);
    EXPECT_EQ(count(store()), 0);
    EXPECT_FALSE(read(store(), [](Reader& r) { return r.last_closed_window(); }));
    EXPECT_EQ(record(store(), answer(e.node.ref, {hourly(e.first(), 41)}, 1)).kind,
              AnswerFate::Kind::recorded);
}

TEST_P(TransactionContract, RefusedStepTakesTheWholeTransactionWithIt) {
    const auto e = enrol(store(), 9, 1);
    close(store(), 5);
    EXPECT_THROW(store().write([&](Transaction& tx) {
        tx.record(answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        tx.close_window({7}, at(0), {}, {}, {});
    }),
                 StoreFailed);
    EXPECT_EQ(count(store()), 0);
}

TEST_P(TransactionContract, ThrownOutOfReadLeavesTheStoreUsable) {
    for (int i = 0; i < 50; ++i)  // more often than there are readers
        EXPECT_THROW(store().read([](Reader& r) {
            r.nodes();
            throw 1;
        }),
                     int);
    EXPECT_EQ(count(store()), 0);
}

TEST_P(TransactionContract, RepeatingAWholeTransactionChangesNothing) {
    const auto e = enrol(store(), 9, 1);
    const auto everything = [&](Transaction& tx) {
        NodeRecord node = samples::node(9, 1);
        std::vector<DeviceRecord> devices{device(9, 100)};
        tx.enrol(entry(node.id, 1), node, devices);
        tx.found({.network_name = "n", .programme_start_day = {1}, .founded = at(0)});
        tx.add_heartbeat(1, at(1));
        tx.record(answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        tx.add_verdicts(std::vector{verdict(hourly(e.first(), 42))});
        tx.close_window({10}, at(0), std::vector{verdict(hourly(e.first(), 43), Verdict::missed)},
                        std::vector{VoidRecord{hourly(e.first(), 43), "v"}},
                        std::vector{window(e.first(), 10, 3)});
        tx.settle_day(settled(2), std::vector{day(e.first(), 2, 5)});
    };
    const auto state = [&] {
        return read(store(), [&](Reader& r) {
            std::string out = std::to_string(r.answer_count()) + "\n";
            const auto add = [&](const std::vector<std::string>& lines) {
                for (const auto& line : lines) out += line + "\n";
            };
            add(texts(r.nodes()));
            add(texts(r.devices()));
            add(texts(r.enrolments(0, 100)));
            add(texts(r.verdicts_of({10})));
            add(texts(r.windows_of({10}, 1)));
            add(texts(r.days(e.first(), {})));
            for (const auto& [ref, rates] : r.recent_roll_call_rates())
                out += std::to_string(rates.size()) + "\n";
            for (const Instant beat : r.heartbeats(at(0), at(9)))
                out += std::to_string(to_ms(beat)) + "\n";
            return out;
        });
    };
    store().write(everything);
    const std::string once = state();
    store().write(everything);
    EXPECT_EQ(state(), once);
}

TEST_P(TransactionContract, ReadersBesideWritersSeeWholeTransactions) {
    const auto e = enrol(store(), 9, 1, 4);
    constexpr std::uint64_t rounds = 200;
    std::atomic<bool> done{};
    std::vector<std::thread> readers, writers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            std::int64_t before = 0;
            while (!done) {
                store().read([&](Reader& r) {
                    const auto answers = r.answer_count();
                    EXPECT_EQ(static_cast<std::size_t>(answers), r.verdicts_of({10}).size());
                    EXPECT_EQ(answers % 2, 0);
                    EXPECT_GE(answers, before);
                    before = answers;
                });
            }
        });
    for (std::size_t w = 0; w < 2; ++w)
        writers.emplace_back([&, w] {
            for (std::uint64_t i = 0; i < rounds; ++i)
                store().write([&](Transaction& tx) {
                    for (std::size_t d = 0; d < 2; ++d) {
                        auto claim = hourly(e.devices[w * 2 + d].ref, i);
                        claim.window = {10};
                        tx.record(answer(e.node.ref, {claim}, i * 4 + w * 2 + d));
                    }
                });
        });
    for (auto& writer : writers) writer.join();
    done = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(count(store()), static_cast<std::int64_t>(rounds * 4));
}

TEST_P(TransactionContract, HealthCountsCommitsAndFailures) {
    const auto before = store().health();
    enrol(store(), 9, 1);
    enrol(store(), 9, 2);
    close(store(), 1);
    EXPECT_THROW(close(store(), 3), StoreFailed);
    const auto after = store().health();
    EXPECT_EQ(after.commits - before.commits, 3U);
    EXPECT_EQ(after.failures - before.failures, 1U);
    EXPECT_GT(after.bytes, 10'000);
}

}  // namespace
}  // namespace vigil::verifier
