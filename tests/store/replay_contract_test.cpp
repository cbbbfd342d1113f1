#include <fstream>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class ReplayContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, ReplayContract, every_implementation(), implementation_name);

TEST_P(ReplayContract, ClosedWindowsAscendWithTheirTimes) {
    for (std::int64_t w = 5; w < 10; ++w) close(store(), w);
    const auto found = read(store(), [](Reader& r) { return r.closed_windows({6}, 3); });
    ASSERT_EQ(found.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(found[i].window.value, static_cast<std::int64_t>(6 + i));
        EXPECT_EQ(found[i].closed, at(static_cast<std::int64_t>(6 + i)));
    }
    EXPECT_TRUE(read(store(), [](Reader& r) { return r.closed_windows({10}, 3); }).empty());
}

TEST_P(ReplayContract, CalibrationsOfATimeAscendByTimeThenDevice) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const auto issue = [&](DeviceRef device, std::uint64_t counter, std::int64_t ms) {
        store().write([&](Transaction& tx) {
            tx.add_calibration({.device = device,
                                .counter = counter,
                                .beacon = bytes<Beacon>(1, counter),
                                .issued = at(ms)},
                               std::nullopt, 0);
        });
    };
    issue(a.devices[1].ref, 1, 20);
    issue(a.devices[0].ref, 1, 20);
    issue(b.first(), 1, 30);
    issue(a.devices[0].ref, 2, 40);  // the end is not part of it
    issue(b.first(), 2, 9);
    const auto found = read(store(), [](Reader& r) { return r.calibrations(at(10), at(40)); });
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].device, a.devices[0].ref);
    EXPECT_EQ(found[1].device, a.devices[1].ref);
    EXPECT_EQ(found[2].device, b.first());
    EXPECT_EQ(found[2].issued, at(30));
    EXPECT_EQ(found[2].beacon, bytes<Beacon>(1, 1));
}

TEST_P(ReplayContract, CalibrationVerdictsOfAWindowStandApart) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const auto calibration = [](DeviceRef device, std::uint64_t ref) {
        return verdict(
            {.device = device, .window = {10}, .kind = CheckKind::calibration, .ref = ref});
    };
    const std::vector expected{calibration(b.first(), 7), calibration(a.devices[0].ref, 1),
                               calibration(a.devices[0].ref, 2)};
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector{expected[2], expected[0], expected[1],
                                    verdict(hourly(a.devices[1].ref, 41))});
    });
    std::vector<std::string> found;
    for (const auto& row : read(store(), [](Reader& r) { return r.calibration_verdicts_of({10}); }))
        found.push_back(text(row.verdict));
    EXPECT_EQ(found, texts(expected));
}

TEST_P(ReplayContract, AnswersOfABucketInOrderWithoutGaps) {
    const auto a = enrol(store(), 9, 1), b = enrol(store(), 9, 2), c = enrol(store(), 3, 3);
    std::vector<AnswerId> expected;
    for (std::uint64_t n = 1; n <= 12; ++n) {
        const Enrolled& from = n % 3 == 0 ? a : n % 3 == 1 ? b : c;
        const auto one = answer(from.node.ref, {hourly(from.first(), n)}, n);
        record(store(), one);
        if (n % 3 != 2) expected.push_back(one.id);
    }
    std::vector<AnswerId> found;
    std::int64_t after = 0;
    for (;;) {
        const auto part = read(store(), [&](Reader& r) { return r.answers_after(9, after, 3); });
        if (part.empty()) break;
        for (const auto& one : part) {
            EXPECT_EQ(one.number, ++after);
            EXPECT_EQ(one.node.bucket, 9);
            found.push_back(one.id);
        }
    }
    EXPECT_EQ(found, expected);
}

TEST_P(ReplayContract, DaysOfAllDevicesAscendByDevice) {
    const auto a = enrol(store(), 9, 1, 2), b = enrol(store(), 3, 2);
    const std::vector expected{day(b.first(), 50, 1), day(a.devices[0].ref, 50, 2),
                               day(a.devices[1].ref, 50, 3)};
    store().write([&](Transaction& tx) {
        tx.settle_day(settled(50), std::vector{expected[2], expected[0], expected[1]});
        tx.settle_day(settled(51), std::vector{day(b.first(), 51, 9)});
    });
    EXPECT_EQ(texts(read(store(), [](Reader& r) { return r.days_of({50}); })), texts(expected));
}

TEST(SqliteReadingStore, ReadsBesideTheVerifierAndWritesNothing) {
    TemporaryFolder folder;
    EXPECT_THROW(open_sqlite_store_for_reading(folder.file()), StoreFailed);
    EXPECT_FALSE(std::filesystem::exists(folder.file()));
    const auto writer = open_sqlite_store(folder.file());
    const auto reader = open_sqlite_store_for_reading(folder.file());
    const auto e = enrol(*writer, 9, 1);
    EXPECT_EQ(read(*reader, [](Reader& r) { return r.nodes().size(); }), 1U);
    EXPECT_THROW(reader->write([](Transaction& tx) { tx.add_heartbeat(0, at(0)); }), StoreFailed);
    reader->read([&](Reader& r) {
        record(*writer, answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        EXPECT_EQ(r.answer_count(), 0);
    });
    EXPECT_EQ(read(*reader, [](Reader& r) { return r.answer_count(); }), 1);
}

TEST(SqliteReadingStore, RefusesWhatIsNoStore) {
    TemporaryFolder folder;
    std::ofstream{folder.file()} << std::string(10'000, 'x');
    EXPECT_THROW(open_sqlite_store_for_reading(folder.file()), StoreFailed);
}

}  // namespace
}  // namespace vigil::verifier
