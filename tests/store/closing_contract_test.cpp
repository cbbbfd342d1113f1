#include <limits>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class ClosingContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, ClosingContract, every_implementation(), implementation_name);

TEST_P(ClosingContract, WindowsCloseOnceAndInOrder) {
    const auto e = enrol(store(), 7, 1);
    close(store(), 100, {window(e.first(), 100, 5)});  // the first may be any
    close(store(), 101, {window(e.first(), 101, 6)});
    EXPECT_THROW(close(store(), 103), StoreFailed);
    EXPECT_THROW(close(store(), 99), StoreFailed);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.last_closed_window(); }), WindowIndex{101});

    close(store(), 101, {window(e.first(), 101, 7)});  // again, and with another result: nothing
    close(store(), 100, {window(e.first(), 100, 7)});
    store().read([&](Reader& r) {
        EXPECT_EQ(r.last_closed_window(), WindowIndex{101});
        const auto rates = r.recent_roll_call_rates();
        ASSERT_EQ(rates.size(), 1U);
        EXPECT_EQ(rates[0].second, (std::vector<std::uint64_t>{5, 6}));
        EXPECT_EQ(texts(r.windows(e.first(), {})),
                  texts(std::vector{window(e.first(), 101, 6), window(e.first(), 100, 5)}));
    });
}

TEST_P(ClosingContract, MissedChecksAndVoidsStandBesideTheVerdictsAsJudged) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const auto answered = hourly(a.devices[1].ref, 42), missed = hourly(a.devices[0].ref, 43),
               elsewhere = hourly(b.first(), 41);
    record(store(), answer(a.node.ref, {answered}, 1));
    store().write([&](Transaction& tx) {
        tx.close_window(
            {10}, at(1),
            std::vector{verdict(missed, Verdict::missed), verdict(elsewhere, Verdict::missed)},
            std::vector{VoidRecord{.claim = missed, .reason = "the verifier was away"}}, {});
    });
    const auto rows = read(store(), [](Reader& r) { return r.verdicts_of({10}); });
    ASSERT_EQ(rows.size(), 3U);  // ascending by device, kind, ref
    EXPECT_EQ(text(rows[0].verdict), text(verdict(elsewhere, Verdict::missed)));
    EXPECT_EQ(text(rows[1].verdict), text(verdict(missed, Verdict::missed)));
    EXPECT_EQ(rows[1].voided, "the verifier was away");
    EXPECT_EQ(rows[1].final_verdict(), Verdict::voided);
    EXPECT_EQ(text(rows[2].verdict), text(verdict(answered)));
    EXPECT_FALSE(rows[2].voided);
    EXPECT_EQ(rows[2].final_verdict(), Verdict::passed);
    EXPECT_TRUE(read(store(), [](Reader& r) { return r.verdicts_of({9}); }).empty());
}

TEST_P(ClosingContract, VerdictsOfAWindowAscendByDeviceKindAndRef) {
    const auto e = enrol(store(), 9, 1, 2);
    std::vector<VerdictRecord> expected;
    for (const auto& device : e.devices)
        for (const auto kind : {CheckKind::roll_call, CheckKind::hourly, CheckKind::spot})
            for (const std::uint64_t ref : {40, 42})
                expected.push_back(
                    verdict({.device = device.ref, .window = {10}, .kind = kind, .ref = ref}));
    const std::vector<VerdictRecord> reversed{expected.rbegin(), expected.rend()};
    store().write([&](Transaction& tx) { tx.add_verdicts(reversed); });
    std::vector<std::string> found;
    for (const auto& row : read(store(), [](Reader& r) { return r.verdicts_of({10}); }))
        found.push_back(text(row.verdict));
    EXPECT_EQ(found, texts(expected));
}

TEST_P(ClosingContract, BaselinesRestOnTheLastSixValidRollCalls) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    for (std::int64_t w = 0; w < 9; ++w) {
        std::vector<WindowRecord> windows{
            window(a.devices[0].ref, w, static_cast<std::uint64_t>(w + 1), w != 4),
            window(a.devices[1].ref, w, 0, false)};
        if (w == 8) windows.push_back(window(b.first(), w, most));
        close(store(), w, windows);
    }
    const auto rates = read(store(), [](Reader& r) { return r.recent_roll_call_rates(); });
    ASSERT_EQ(rates.size(), 2U);
    EXPECT_EQ(rates[0].first, b.first());
    EXPECT_EQ(rates[0].second, (std::vector<std::uint64_t>{most}));
    EXPECT_EQ(rates[1].first, a.devices[0].ref);
    EXPECT_EQ(rates[1].second, (std::vector<std::uint64_t>{3, 4, 6, 7, 8, 9}));
}

TEST_P(ClosingContract, WindowsOfADayAscendByDeviceAndWindow) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    std::vector<WindowRecord> expected;
    for (const DeviceRef device : {b.first(), a.devices[0].ref, a.devices[1].ref})
        for (std::int64_t w = 12; w < 18; ++w) expected.push_back(window(device, w, 5));
    for (std::int64_t w = 11; w < 19; ++w) {
        std::vector<WindowRecord> windows;
        for (const DeviceRef device : {a.devices[1].ref, b.first(), a.devices[0].ref})
            windows.push_back(window(device, w, 5));
        close(store(), w, windows);
    }
    EXPECT_EQ(texts(read(store(), [](Reader& r) { return r.windows_of({2}, 6); })),
              texts(expected));
}

void settle(Store& store, std::int64_t index, const std::vector<DayRecord>& devices) {
    store.write([&](Transaction& tx) { tx.settle_day(settled(index), devices); });
}

TEST_P(ClosingContract, DaysSettleOnceAndInOrderAndMoveStandings) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    settle(store(), 50, {day(a.devices[0].ref, 50, 10), day(b.first(), 50, 20)});
    settle(store(), 51, {day(a.devices[0].ref, 51, 11)});
    EXPECT_THROW(settle(store(), 53, {}), StoreFailed);
    EXPECT_THROW(settle(store(), 49, {}), StoreFailed);
    settle(store(), 51, {day(a.devices[0].ref, 51, 99)});  // again: nothing
    settle(store(), 50, {day(a.devices[0].ref, 50, 98)});
    store().read([&](Reader& r) {
        const SettledDay last = r.last_settled_day().value();
        EXPECT_EQ(last.day, DayIndex{51});
        EXPECT_EQ(last.state_hash, settled(51).state_hash);
        EXPECT_EQ(last.devices, 3);
        EXPECT_EQ(last.settled, at(51));
        EXPECT_EQ(r.settled_day({50}).value().state_hash, settled(50).state_hash);
        EXPECT_FALSE(r.settled_day({52}));

        const auto found = r.standings();
        ASSERT_EQ(found.size(), 2U);
        EXPECT_EQ(found[0].first, b.first());
        EXPECT_EQ(found[0].second, day(b.first(), 50, 20).after);
        EXPECT_EQ(found[1].first, a.devices[0].ref);
        EXPECT_EQ(found[1].second, day(a.devices[0].ref, 51, 11).after);
    });
}

TEST_P(ClosingContract, AmountsKeepAll128Bits) {
    const auto e = enrol(store(), 9, 1);
    auto record = day(e.first(), 50, 0);
    record.after.balance = Micro{~Micro::Count{0}};
    record.credit = Micro{(Micro::Count{1} << 127) + 5};
    record.baseline = std::numeric_limits<std::uint64_t>::max();
    settle(store(), 50, {record});
    store().read([&](Reader& r) {
        EXPECT_EQ(text(r.day(e.first(), {50}).value()), text(record));
        EXPECT_EQ(r.standings().at(0).second, record.after);
    });
}

void begin(Store& store, std::int64_t window, std::int64_t ms) {
    store.write([&](Transaction& tx) { tx.begin_closing({window}, at(ms)); });
}
void finish(Store& store, std::int64_t window) {
    store.write([&](Transaction& tx) { tx.finish_closing({window}); });
}
void add(Store& store, std::int64_t index, const std::vector<WindowRecord>& windows,
         const std::vector<VerdictRecord>& missed = {}, const std::vector<VoidRecord>& voids = {}) {
    store.write([&](Transaction& tx) { tx.add_outcomes({index}, missed, voids, windows); });
}

TEST_P(ClosingContract, NoAnswerIsTakenOnceAClosingHasBegun) {
    const auto e = enrol(store(), 9, 1);
    const auto before = answer(e.node.ref, {hourly(e.first(), 41)}, 1);
    record(store(), before);
    begin(store(), 10, 7);
    EXPECT_EQ(record(store(), answer(e.node.ref, {hourly(e.first(), 42)}, 2)).kind,
              AnswerFate::Kind::closed);
    EXPECT_EQ(record(store(), before).kind, AnswerFate::Kind::repeated);
    EXPECT_EQ(record(store(), answer(e.node.ref, {hourly(e.first(), 44)}, 3)).kind,
              AnswerFate::Kind::recorded);  // of the window after
    store().read([&](Reader& r) {
        EXPECT_FALSE(r.last_closed_window());
        ASSERT_TRUE(r.last_closing());
        EXPECT_EQ(r.last_closing()->window, WindowIndex{10});
        EXPECT_EQ(r.last_closing()->closed, at(7));
        ASSERT_EQ(r.verdicts_of({10}).size(), 1U);
    });
}

TEST_P(ClosingContract, TheFirstBeginDatesTheClosing) {
    begin(store(), 10, 7);
    begin(store(), 10, 8);
    EXPECT_THROW(begin(store(), 11, 9), StoreFailed);  // 10 is under way
    EXPECT_THROW(begin(store(), 9, 9), StoreFailed);
    EXPECT_THROW(finish(store(), 11), StoreFailed);
    EXPECT_THROW(add(store(), 11, {}), StoreFailed);
    finish(store(), 10);
    finish(store(), 10);
    begin(store(), 10, 9);
    begin(store(), 11, 10);
    store().read([&](Reader& r) {
        const auto closed = r.closed_windows({0}, 10);
        ASSERT_EQ(closed.size(), 1U);
        EXPECT_EQ(closed[0].closed, at(7));
        EXPECT_EQ(r.last_closing()->closed, at(10));
    });
}

TEST_P(ClosingContract, OutcomesAreWrittenOnceAndSeenOnceTheWindowIsClosed) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const DeviceRef first = a.devices[0].ref, second = a.devices[1].ref;
    const auto missed = verdict(hourly(first, 43), Verdict::missed);
    const auto afterwards = verdict(hourly(first, 42), Verdict::missed);
    begin(store(), 10, 7);
    add(store(), 10, {window(first, 10, 5)}, {missed},
        {{.claim = missed.claim, .reason = "the verifier was away"}});
    // Again, with another result and beside others: what is there stays, and counts once.
    add(store(), 10, {window(first, 10, 6), window(second, 10, 7)}, {missed, afterwards},
        {{.claim = afterwards.claim, .reason = "no"}});
    store().read([&](Reader& r) {
        EXPECT_EQ(r.buckets_with_devices(), (std::vector<std::uint8_t>{3, 9}));
        EXPECT_EQ(r.devices_with_outcome(9, {10}),
                  (std::vector<std::int64_t>{first.number, second.number}));
        EXPECT_TRUE(r.devices_with_outcome(3, {10}).empty());
        EXPECT_TRUE(r.windows(first, {}).empty());
        EXPECT_TRUE(r.windows_of({1}, 6).empty());
    });
    add(store(), 10, {window(b.first(), 10, 8)});
    finish(store(), 10);
    add(store(), 10, {window(b.first(), 10, 9)}, {verdict(hourly(b.first(), 40))});
    store().read([&](Reader& r) {
        EXPECT_EQ(texts(r.windows_of({1}, 6)),
                  texts(std::vector{window(b.first(), 10, 8), window(first, 10, 5),
                                    window(second, 10, 7)}));
        const auto rows = r.verdicts_of({10});
        ASSERT_EQ(rows.size(), 1U);
        EXPECT_EQ(text(rows[0].verdict), text(missed));
        EXPECT_EQ(rows[0].voided, "the verifier was away");
        const auto devices = r.books_devices(9);
        ASSERT_EQ(devices.size(), 2U);
        EXPECT_EQ(devices[0].roll_call_rates, (std::vector<std::uint64_t>{5}));
        EXPECT_EQ(devices[1].roll_call_rates, (std::vector<std::uint64_t>{7}));
    });
}

TEST_P(ClosingContract, TotalsAreKeptOnceAndSeenOnceTheWindowIsClosed) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const DeviceRef first = a.devices[0].ref, second = a.devices[1].ref;
    auto fast = window(b.first(), 10, std::numeric_limits<std::uint64_t>::max());
    begin(store(), 10, 7);
    add(store(), 10, {window(first, 10, 3'000), window(second, 10, 4'000, false), fast});
    WindowSum sum;
    store().read([&](Reader& r) {
        for (const std::uint8_t bucket : {std::uint8_t{3}, std::uint8_t{9}})
            for (const WindowOfDay& one : r.outcomes_in(bucket, {10}))
                sum.add(one.outcome, one.roll_call_rate, one.roll_call_valid);
        EXPECT_EQ(r.outcomes_in(9, {10}).at(1).device, second.number);
        EXPECT_TRUE(r.outcomes_in(9, {9}).empty());
    });
    store().write([&](Transaction& tx) { tx.add_window_totals(sum.of({10})); });
    store().write([&](Transaction& tx) { tx.add_window_totals(WindowSum{}.of({10})); });
    store().read([&](Reader& r) { EXPECT_TRUE(r.window_totals({0}, {99}).empty()); });
    finish(store(), 10);
    close(store(), 11, {window(first, 11, 3'000), window(second, 11, 4'000)});
    store().read([&](Reader& r) {
        const auto totals = r.window_totals({10}, {11});
        ASSERT_EQ(totals.size(), 2U);
        EXPECT_EQ(totals[0].window, WindowIndex{10});
        EXPECT_EQ(totals[0].outcomes, (std::array<std::int64_t, 7>{0, 2, 1, 0, 0, 0, 0}));
        EXPECT_EQ(totals[0].measured, 2);
        EXPECT_EQ(totals[0].rate, fast.roll_call_rate) << "as much as 64 bits hold";
        EXPECT_EQ(totals[0].root, fast.roll_call_rate);
        EXPECT_EQ(totals[1].measured, 2);
        EXPECT_EQ(totals[1].rate, 7'000U);
        EXPECT_EQ(totals[1].root, 5'000U);
        EXPECT_EQ(r.window_totals({11}, {11}).size(), 1U);
        EXPECT_TRUE(r.window_totals({12}, {99}).empty());
    });
}

TEST_P(ClosingContract, TheBooksReadABucketAtATime) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const DeviceRef first = a.devices[0].ref, second = a.devices[1].ref;
    auto calibration = verdict({.device = first, .window = {10}, .kind = CheckKind::calibration});
    const auto passed = verdict(hourly(second, 41)),
               missed = verdict(hourly(first, 43), Verdict::missed);
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector{passed, missed, calibration, verdict(hourly(b.first(), 40))});
    });
    record(store(), unjudged(answer(a.node.ref, {hourly(first, 42)}, 1)));
    record(store(), unjudged(answer(b.node.ref, {hourly(b.first(), 42)}, 2)));
    close(store(), 10, {window(first, 10, 5), window(second, 10, 6, false)});
    close(store(), 11, {window(second, 11, 7), window(first, 11, 8)});
    store().read([&](Reader& r) {
        const auto devices = r.books_devices(9);
        ASSERT_EQ(devices.size(), 2U);
        EXPECT_EQ(devices[0].ref, first);
        EXPECT_EQ(devices[0].node, a.node.ref);
        EXPECT_EQ(devices[0].id, a.devices[0].id);
        EXPECT_EQ(devices[0].enrolled, a.devices[0].enrolled);
        EXPECT_EQ(devices[0].active_from, a.devices[0].active_from);
        EXPECT_FALSE(devices[0].retired_from);
        EXPECT_TRUE(devices[0].calibration_rate);
        EXPECT_EQ(devices[0].roll_call_rates, (std::vector<std::uint64_t>{5, 8}));
        EXPECT_FALSE(devices[1].calibration_rate);
        EXPECT_EQ(devices[1].roll_call_rates, (std::vector<std::uint64_t>{7}));

        const auto checks = r.judged_checks(9, {10});
        ASSERT_EQ(checks.size(), 2U);
        EXPECT_EQ(checks[0].device, first.number);
        EXPECT_EQ(checks[0].ref, 43U);
        EXPECT_EQ(checks[0].kind, CheckKind::hourly);
        EXPECT_EQ(checks[0].verdict, Verdict::missed);
        EXPECT_EQ(checks[1].device, second.number);
        EXPECT_EQ(checks[1].rate, passed.judgement.rate);

        const auto waiting = r.unjudged_answers_in(9, {10});
        ASSERT_EQ(waiting.size(), 1U);
        EXPECT_EQ(waiting[0].node, a.node.ref);

        const auto windows = r.windows_of_day(9, {1}, 6);
        ASSERT_EQ(windows.size(), 4U);
        for (std::size_t i = 0; i < windows.size(); ++i) {
            EXPECT_EQ(windows[i].device, i < 2 ? first.number : second.number);
            EXPECT_EQ(windows[i].window, WindowIndex{10 + static_cast<std::int64_t>(i % 2)});
            EXPECT_EQ(windows[i].outcome, window(first, 10, 5, i != 2).outcome);
        }
        EXPECT_EQ(windows[1].roll_call_rate, 8U);
    });
}

TEST_P(ClosingContract, StandingsMoveOnceHoweverOftenADayIsAdded) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const DeviceRef first = a.devices[0].ref, second = a.devices[1].ref;
    const auto add_days = [&](std::int64_t index, const std::vector<DayRecord>& devices) {
        store().write([&](Transaction& tx) { tx.add_days({index}, devices); });
    };
    add_days(50, {day(first, 50, 10)});
    add_days(50, {day(first, 50, 99), day(second, 50, 11)});
    EXPECT_FALSE(read(store(), [](Reader& r) { return r.last_settled_day(); }));
    EXPECT_FALSE(read(store(), [&](Reader& r) { return r.day(first, {50}); }));
    EXPECT_EQ(read(store(), [](Reader& r) { return r.days_of({50}); }).size(), 0U);
    store().write([&](Transaction& tx) { tx.finish_settling(settled(50)); });
    add_days(50, {day(b.first(), 50, 12)});  // too late
    EXPECT_THROW(add_days(52, {}), StoreFailed);
    store().read([&](Reader& r) {
        EXPECT_EQ(text(r.day(first, {50}).value()), text(day(first, 50, 10)));
        EXPECT_EQ(r.devices_with_day(9, {50}),
                  (std::vector<std::int64_t>{first.number, second.number}));
        const auto standings = r.standings_in(9);
        ASSERT_EQ(standings.size(), 2U);
        EXPECT_EQ(standings[0].second, day(first, 50, 10).after);
        EXPECT_EQ(standings[1].second, day(second, 50, 11).after);
        EXPECT_TRUE(r.standings_in(3).empty());
        auto states = r.states_after(9, {50});
        ASSERT_EQ(states.size(), 2U);
        if (states[0].device != a.devices[0].id) std::swap(states[0], states[1]);
        EXPECT_EQ(states[0].device, a.devices[0].id);
        EXPECT_EQ(states[0].standing, day(first, 50, 10).after);
        EXPECT_EQ(states[0].baseline, day(first, 50, 10).baseline);
    });
}

}  // namespace
}  // namespace vigil::verifier
