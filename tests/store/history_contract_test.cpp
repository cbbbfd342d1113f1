#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class HistoryContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, HistoryContract, every_implementation(), implementation_name);

/// All rows of a device by pages of `limit`, each page beginning where `next` says.
template <class Fetch, class Next>
std::vector<std::string> all_pages(Store& store, std::int64_t limit, Fetch fetch, Next next) {
    std::vector<std::string> out;
    Page page{.before = std::nullopt, .limit = limit};
    for (;;) {
        const auto rows = read(store, [&](Reader& r) { return fetch(r, page); });
        for (const auto& row : rows) out.push_back(text(row));
        if (rows.size() < static_cast<std::size_t>(limit)) return out;
        page.before = next(rows.back());
    }
}

TEST_P(HistoryContract, ChecksOfADeviceNewestFirstInPages) {
    const auto e = enrol(store(), 9, 1, 2);
    const DeviceRef ours = e.devices[0].ref, other = e.devices[1].ref;
    std::vector<VerdictRecord> ascending;
    const auto check = [&](std::int64_t window, CheckKind kind, std::uint64_t ref,
                           std::int64_t start) {
        auto v = verdict({.device = ours, .window = {window}, .kind = kind, .ref = ref});
        v.start = instant_from_ms(start);
        ascending.push_back(v);
    };
    check(10, CheckKind::calibration, 1, 144'000'100);
    check(10, CheckKind::hourly, 40, 144'000'200);
    check(10, CheckKind::spot, 10 * 256 + 1, 144'000'300);
    check(10, CheckKind::roll_call, 41, 147'600'000);
    check(10, CheckKind::spot, 10 * 256, 149'000'000);
    check(11, CheckKind::hourly, 44, 158'400'001);
    check(300, CheckKind::hourly, 1200, 4'320'000'001);  // long after, others in between
    std::vector<VerdictRecord> others;
    for (std::uint64_t ref = 36; ref < 1'300; ++ref) others.push_back(verdict(hourly(other, ref)));
    store().write([&](Transaction& tx) {
        tx.add_verdicts(others);
        tx.add_verdicts(std::vector<VerdictRecord>{ascending.rbegin(), ascending.rend()});
    });

    std::vector<std::string> expected;
    for (auto v = ascending.rbegin(); v != ascending.rend(); ++v)
        expected.push_back(text(CheckRow{.row = 0, .verdict = *v, .voided = std::nullopt}));
    const auto fetch = [&](Reader& r, const Page& page) { return r.checks(ours, page); };
    const auto next = [](const CheckRow& row) { return row.row; };
    for (const std::int64_t limit : {1, 2, 3, 7, 100})
        EXPECT_EQ(all_pages(store(), limit, fetch, next), expected) << limit;

    store().read([&](Reader& r) {
        const auto in_window = r.checks_in(ours, {10});
        ASSERT_EQ(in_window.size(), 5U);  // in order of their starts, calibrations among them
        for (std::size_t i = 0; i < 5; ++i)
            EXPECT_EQ(text(in_window[i].verdict), text(ascending[i]));
        EXPECT_TRUE(r.checks_in(ours, {12}).empty());
        EXPECT_TRUE(r.checks({9, 77}, {}).empty());
    });
}

TEST_P(HistoryContract, VoidedCheckSaysSoInItsDevicesHistory) {
    const auto e = enrol(store(), 9, 1);
    const auto claim = hourly(e.first(), 41);
    store().write([&](Transaction& tx) {
        tx.close_window({10}, at(1), std::vector{verdict(claim, Verdict::missed)},
                        std::vector{VoidRecord{.claim = claim, .reason = "fleet fault"}}, {});
    });
    store().read([&](Reader& r) {
        EXPECT_EQ(r.checks(e.first(), {}).at(0).voided, "fleet fault");
        EXPECT_EQ(r.checks_in(e.first(), {10}).at(0).final_verdict(), Verdict::voided);
    });
}

TEST_P(HistoryContract, VerdictRecordedForAnEarlierWindowThanTheFirstIsFound) {
    const auto e = enrol(store(), 9, 1);
    store().write(
        [&](Transaction& tx) { tx.add_verdicts(std::vector{verdict(hourly(e.first(), 44))}); });
    store().write([&](Transaction& tx) {
        tx.close_window({10}, at(1), std::vector{verdict(hourly(e.first(), 43), Verdict::missed)},
                        {}, std::vector{window(e.first(), 10, 1)});
    });
    store().read([&](Reader& r) {
        EXPECT_EQ(r.checks(e.first(), {}).size(), 2U);
        EXPECT_EQ(r.windows(e.first(), {}).size(), 1U);
    });
}

TEST_P(HistoryContract, WindowsAndDaysOfADeviceNewestFirstInPages) {
    const auto e = enrol(store(), 9, 1, 2);
    const DeviceRef ours = e.devices[0].ref, other = e.devices[1].ref;
    std::vector<std::string> windows, days;
    for (std::int64_t i = 0; i < 30; ++i) {
        std::vector<WindowRecord> closed{window(other, i, 1)};
        std::vector<DayRecord> settled_devices{day(other, i, 1)};
        if (i >= 5 && i != 17) {  // enrolled later, and away once
            closed.push_back(window(ours, i, 2));
            settled_devices.push_back(day(ours, i, 2));
            windows.insert(windows.begin(), text(closed.back()));
            days.insert(days.begin(), text(settled_devices.back()));
        }
        store().write([&](Transaction& tx) {
            tx.close_window({i}, at(i), {}, {}, closed);
            tx.settle_day(settled(i), settled_devices);
        });
    }
    for (const std::int64_t limit : {1, 7, 100}) {
        EXPECT_EQ(
            all_pages(
                store(), limit, [&](Reader& r, const Page& page) { return r.windows(ours, page); },
                [](const WindowRecord& w) { return w.window.value; }),
            windows);
        EXPECT_EQ(
            all_pages(
                store(), limit, [&](Reader& r, const Page& page) { return r.days(ours, page); },
                [](const DayRecord& d) { return d.day.value; }),
            days);
    }
    store().read([&](Reader& r) {
        EXPECT_EQ(text(r.day(ours, {6}).value()), text(day(ours, 6, 2)));
        EXPECT_FALSE(r.day(ours, {4}));
        EXPECT_FALSE(r.day(ours, {30}));
    });
}

TEST_P(HistoryContract, NothingIsOlderThanTheBeginning) {
    const auto e = enrol(store(), 9, 1, 1);
    const DeviceRef device = e.devices[0].ref;
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector<VerdictRecord>{verdict(hourly(device, 4))});
    });
    for (const std::int64_t before :
         {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
        const Page page{.before = before, .limit = 10};
        store().read([&](Reader& r) {
            EXPECT_TRUE(r.checks(device, page).empty());
            EXPECT_TRUE(r.windows(device, page).empty());
            EXPECT_TRUE(r.days(device, page).empty());
            EXPECT_TRUE(r.answers(e.node.ref, page).empty());
        });
    }
}

}  // namespace
}  // namespace vigil::verifier
