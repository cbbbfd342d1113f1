// How fast a SQLite store takes answers, closes windows and settles days, for 100,000 devices.
// Files go where TMPDIR points: a disk, for figures that mean something.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <sqlite3.h>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

constexpr std::size_t device_count = 100'000;
constexpr std::size_t devices_per_node = 4;
constexpr std::size_t signed_size = 32 + 32 + 4 + 32 + 32 + 4 + 256 * 8 + 8;  // a roll call of one

/// A store with the fleet enrolled, shared by the benchmarks, which use different windows of it.
struct Fleet {
    TemporaryFolder folder;
    std::unique_ptr<Store> store = open_sqlite_store(folder.file());
    std::vector<DeviceRecord> devices;
    std::int64_t next_window = 1'000;
    std::uint64_t answers = 0;

    Fleet() {
        store->write([&](Transaction& tx) {
            for (std::uint64_t n = 0; n < device_count / devices_per_node; ++n) {
                auto owner = node(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n);
                std::vector<DeviceRecord> named;
                for (std::size_t i = 0; i < devices_per_node; ++i)
                    named.push_back(device(owner.id.bytes[0], n * 100 + i));
                tx.enrol(entry(owner.id, static_cast<std::int64_t>(n)), owner, named);
                devices.insert(devices.end(), named.begin(), named.end());
            }
        });
    }
};
Fleet& fleet() {
    static Fleet one;
    return one;
}

AnswerRecord roll_call_answer(Fleet& f) {
    const std::uint64_t n = f.answers++;
    const auto& d = f.devices[n % device_count];
    CheckClaim claim = hourly(d.ref, 4'000'000 + n / device_count);
    auto out = answer(d.node, {claim}, n);
    out.signed_bytes.assign(signed_size, static_cast<std::uint8_t>(n));
    out.verdicts[0].judgement.reason =
        "rate 1,234,567,890 H/s against 0.700000 of the baseline 1,234,567,890 H/s: passed";
    return out;
}

void answers_into_store(benchmark::State& state) {
    Fleet& f = fleet();
    const auto rows = static_cast<std::size_t>(state.range(0));
    for (auto _ : state) {
        state.PauseTiming();
        std::vector<AnswerRecord> batch;
        for (std::size_t i = 0; i < rows; ++i) batch.push_back(roll_call_answer(f));
        std::vector<const AnswerRecord*> pointers;
        for (const auto& one : batch) pointers.push_back(&one);
        state.ResumeTiming();
        benchmark::DoNotOptimize(f.store->record(pointers));
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(answers_into_store)->Arg(1)->Arg(64)->Arg(256)->UseRealTime()->MinTime(3);

/// The yardstick: the same bytes, one append-ordered row each for answer and verdict, no checks.
void bare_rows_into_sqlite(benchmark::State& state) {
    TemporaryFolder folder;
    sqlite3* db = nullptr;
    sqlite3_open(folder.file().c_str(), &db);
    sqlite3_exec(db,
                 "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "CREATE TABLE answers (number INTEGER PRIMARY KEY, id BLOB, signature BLOB,"
                 " signed_bytes BLOB);"
                 "CREATE TABLE verdicts (number INTEGER PRIMARY KEY, challenge BLOB, a, b, c, d, e,"
                 " reason TEXT)",
                 nullptr, nullptr, nullptr);
    sqlite3_stmt *put_answer = nullptr, *put_verdict = nullptr;
    sqlite3_prepare_v2(db, "INSERT INTO answers VALUES (NULL, ?, ?, ?)", -1, &put_answer, nullptr);
    sqlite3_prepare_v2(db, "INSERT INTO verdicts VALUES (NULL, ?, 1, 2, 3, 4, 5, ?)", -1,
                       &put_verdict, nullptr);
    Fleet& f = fleet();
    const AnswerRecord one = roll_call_answer(f);
    const auto& reason = one.verdicts[0].judgement.reason;
    for (auto _ : state) {
        sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            sqlite3_bind_blob(put_answer, 1, one.id.bytes.data(), 32, SQLITE_STATIC);
            sqlite3_bind_blob(put_answer, 2, one.signature.bytes.data(), 64, SQLITE_STATIC);
            sqlite3_bind_blob64(put_answer, 3, one.signed_bytes.data(), one.signed_bytes.size(),
                                SQLITE_STATIC);
            sqlite3_step(put_answer);
            sqlite3_reset(put_answer);
            sqlite3_bind_blob(put_verdict, 1, one.id.bytes.data(), 32, SQLITE_STATIC);
            sqlite3_bind_text64(put_verdict, 2, reason.data(), reason.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
            sqlite3_step(put_verdict);
            sqlite3_reset(put_verdict);
        }
        sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
    sqlite3_finalize(put_answer);
    sqlite3_finalize(put_verdict);
    sqlite3_close(db);
}
BENCHMARK(bare_rows_into_sqlite)->Arg(1)->Arg(64)->Arg(256)->UseRealTime()->MinTime(3);

/// One window: every device's outcome and roll-call rate, one check in fifty missed.
void close_window(benchmark::State& state) {
    Fleet& f = fleet();
    for (auto _ : state) {
        state.PauseTiming();
        const std::int64_t index = f.next_window++;
        std::vector<WindowRecord> windows;
        std::vector<VerdictRecord> missed;
        for (const auto& d : f.devices) {
            windows.push_back(window(d.ref, index, 1'234'567'890));
            windows.back().reason = "roll call passed, 0 of 5 other checks failed, 1 allowed";
            if (windows.size() % 8 == 0)  // of six checks each
                missed.push_back(
                    verdict(hourly(d.ref, static_cast<std::uint64_t>(index) * 4), Verdict::missed));
        }
        state.ResumeTiming();
        f.store->write(
            [&](Transaction& tx) { tx.close_window({index}, at(index), missed, {}, windows); });
    }
}
BENCHMARK(close_window)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(6);

/// What the closer reads first: all verdicts of a window.
void verdicts_of_a_window(benchmark::State& state) {
    Fleet& f = fleet();
    const std::int64_t index = f.next_window + 10'000;
    f.store->write([&](Transaction& tx) {
        for (const auto& d : f.devices)
            for (std::uint64_t slot = 0; slot < 4; ++slot)
                tx.add_verdicts(std::vector{
                    verdict(hourly(d.ref, static_cast<std::uint64_t>(index) * 4 + slot))});
    });
    for (auto _ : state)
        f.store->read([&](Reader& r) { benchmark::DoNotOptimize(r.verdicts_of({index})); });
    state.SetItemsProcessed(state.iterations() * 400'000);
}
BENCHMARK(verdicts_of_a_window)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

/// What the settler reads first; close_window has left six windows a device.
void windows_of_a_day(benchmark::State& state) {
    Fleet& f = fleet();
    for (auto _ : state)
        f.store->read([&](Reader& r) { benchmark::DoNotOptimize(r.windows_of({1}, 1'000)); });
    state.SetItemsProcessed(state.iterations() * (f.next_window - 1'000) * 100'000);
}
BENCHMARK(windows_of_a_day)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void settle_day(benchmark::State& state) {
    Fleet& f = fleet();
    std::int64_t index = 100;
    for (auto _ : state) {
        state.PauseTiming();
        std::vector<DayRecord> devices;
        for (const auto& d : f.devices) {
            devices.push_back(day(d.ref, index, 1'000'000));
            devices.back().reason =
                "6 of 6 windows: rate 1234567890 H/s x base 10000000 x 4.000000 = 49382715600";
        }
        state.ResumeTiming();
        f.store->write([&](Transaction& tx) { tx.settle_day(settled(index), devices); });
        ++index;
    }
}
BENCHMARK(settle_day)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(4);

}  // namespace
}  // namespace vigil::verifier

BENCHMARK_MAIN();
