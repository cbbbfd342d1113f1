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

}  // namespace
}  // namespace vigil::verifier
