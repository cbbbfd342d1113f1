#include <limits>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using namespace std::chrono_literals;

class FleetContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, FleetContract, every_implementation(), implementation_name);

TEST_P(FleetContract, EnrolmentNumbersNodesAndDevicesWithinTheirBucket) {
    const auto a = enrol(store(), 200, 1, 2);
    const auto b = enrol(store(), 3, 2, 1);
    const auto c = enrol(store(), 200, 3, 1);
    EXPECT_EQ(a.node.ref, (NodeRef{200, 1}));
    EXPECT_EQ(b.node.ref, (NodeRef{3, 1}));
    EXPECT_EQ(c.node.ref, (NodeRef{200, 2}));
    EXPECT_EQ(a.devices[0].ref, (DeviceRef{200, 1}));
    EXPECT_EQ(a.devices[1].ref, (DeviceRef{200, 2}));
    EXPECT_EQ(c.devices[0].ref, (DeviceRef{200, 3}));
    EXPECT_EQ(c.devices[0].node, c.node.ref);

    store().read([&](Reader& r) {
        EXPECT_EQ(texts(r.nodes()), texts(std::vector{b.node, a.node, c.node}));
        EXPECT_EQ(texts(r.devices()),
                  texts(std::vector{b.devices[0], a.devices[0], a.devices[1], c.devices[0]}));
        EXPECT_EQ(texts(r.devices_of(a.node.ref)), texts(a.devices));
        EXPECT_EQ(text(r.node(b.node.id).value()), text(b.node));
        EXPECT_FALSE(r.node(bytes<NodeId>(3, 99)));
    });
}

TEST_P(FleetContract, EnrollingAgainKeepsNumbersAndFirstTimesAndTakesTheRest) {
    const auto first = enrol(store(), 7, 1, 2);
    NodeRecord node = samples::node(7, 1);
    node.name = "renamed";
    node.sequence = 90;
    node.enrolled = at(5'000);
    auto changed = device(7, 101);
    changed.driver = "581";
    changed.enrolled = at(5'000);
    std::vector<DeviceRecord> devices{device(7, 150), changed};  // 100 is not named
    store().write([&](Transaction& tx) { tx.enrol(entry(node.id, 5'000), node, devices); });

    EXPECT_EQ(node.ref, first.node.ref);
    EXPECT_EQ(node.enrolled, first.node.enrolled);
    EXPECT_EQ(devices[0].ref, (DeviceRef{7, 3}));
    EXPECT_EQ(devices[1].ref, first.devices[1].ref);
    EXPECT_EQ(devices[1].enrolled, first.devices[1].enrolled);
    store().read([&](Reader& r) {
        EXPECT_EQ(texts(r.nodes()), texts(std::vector{node}));
        EXPECT_EQ(r.nodes()[0].name, "renamed");
        EXPECT_EQ(texts(r.devices()), texts(std::vector{first.devices[0], devices[1], devices[0]}));
        EXPECT_EQ(r.devices()[1].driver, "581");
    });
}

TEST_P(FleetContract, RepeatedEntryChangesNothingButTellsTheNumbers) {
    enrol(store(), 7, 1, 1);
    NodeRecord newer = node(7, 1);
    newer.name = "newer";
    std::vector<DeviceRecord> none;
    store().write([&](Transaction& tx) { tx.enrol(entry(newer.id, 400), newer, none); });

    const auto again = enrol(store(), 7, 1, 1);  // the first request once more
    EXPECT_EQ(again.node.name, "newer");
    EXPECT_EQ(again.devices[0].ref, (DeviceRef{7, 1}));
    EXPECT_EQ(read(store(), [](Reader& r) { return r.enrolments(0, 100).size(); }), 2U);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.nodes(); }).at(0).name, "newer");
}

TEST_P(FleetContract, EntriesAreReadInOrderOfArrivalAcrossBuckets) {
    std::vector<std::string> expected;
    for (const int bucket : {250, 3, 250, 90, 3}) {
        const auto n = expected.size() + 1;
        const auto e = enrol(store(), static_cast<std::uint8_t>(bucket), n, 1);
        expected.push_back(text(entry(e.node.id, static_cast<std::int64_t>(n))));
    }
    store().read([&](Reader& r) {
        EXPECT_EQ(texts(r.enrolments(0, 100)), expected);
        EXPECT_EQ(texts(r.enrolments(2, 2)), (std::vector<std::string>{expected[2], expected[3]}));
        EXPECT_TRUE(r.enrolments(5, 10).empty());
    });
}

TEST_P(FleetContract, RetiringSetsTheDayAndEnrollingAgainClearsIt) {
    const auto e = enrol(store(), 7, 1, 2);
    auto request = entry(e.node.id, 70);
    request.kind = EnrolmentEntry::Kind::retire;
    store().write([&](Transaction& tx) { tx.retire(request, e.devices[1].ref, {19'700}, 8); });
    auto found = read(store(), [](Reader& r) { return r.devices(); });
    EXPECT_FALSE(found[0].retired_from);
    EXPECT_EQ(found[1].retired_from, DayIndex{19'700});
    EXPECT_EQ(found[1].request_sequence, 8U);
    EXPECT_EQ(text(read(store(), [](Reader& r) { return r.enrolments(1, 9); }).at(0)),
              text(request));

    NodeRecord node = samples::node(7, 1);
    std::vector<DeviceRecord> again{device(7, 101)};
    store().write([&](Transaction& tx) { tx.enrol(entry(node.id, 90), node, again); });
    found = read(store(), [](Reader& r) { return r.devices(); });
    EXPECT_FALSE(found[1].retired_from);
    EXPECT_EQ(found[1].request_sequence, 8U);  // a replayed request stays refused

    store().write([&](Transaction& tx) { tx.retire(request, e.devices[1].ref, {19'700}, 8); });
    EXPECT_FALSE(read(store(), [](Reader& r) { return r.devices(); })[1].retired_from);
}

TEST_P(FleetContract, RequestOfAnUnknownNodeIsRefused) {
    const auto stranger = entry(bytes<NodeId>(9, 9), 1);
    EXPECT_THROW(store().write([&](Transaction& tx) {
        tx.retire(stranger, {9, 1}, {1}, 1);
    }),
                 StoreFailed);
}

TEST_P(FleetContract, LatestCalibrationAndLatestPassedRateOfEachDevice) {
    const auto e = enrol(store(), 7, 1, 3);
    const auto calibration = [](DeviceRef device, std::uint64_t counter) {
        return CalibrationRecord{.device = device,
                                 .counter = counter,
                                 .beacon = bytes<Beacon>(1, counter),
                                 .issued = at(static_cast<std::int64_t>(counter))};
    };
    const auto judged = [](DeviceRef device, std::uint64_t counter, Verdict outcome) {
        auto v = verdict(
            {.device = device, .window = {5}, .kind = CheckKind::calibration, .ref = counter},
            outcome);
        v.start = at(static_cast<std::int64_t>(counter));
        return v;
    };
    auto request = entry(e.node.id, 71);
    request.kind = EnrolmentEntry::Kind::calibrate;
    store().write([&](Transaction& tx) {
        tx.add_calibration(calibration(e.devices[0].ref, 1), std::nullopt, 0);
        tx.add_calibration(calibration(e.devices[0].ref, 2), request, 4);
        tx.add_calibration(calibration(e.devices[0].ref, 1), std::nullopt, 0);  // again: nothing
        tx.add_calibration(calibration(e.devices[2].ref, 1), std::nullopt, 0);
        tx.add_verdicts(std::vector{judged(e.devices[0].ref, 2, Verdict::passed),
                                    judged(e.devices[0].ref, 1, Verdict::passed),
                                    judged(e.devices[0].ref, 3, Verdict::bad_proof),
                                    judged(e.devices[2].ref, 1, Verdict::late)});
    });
    store().read([&](Reader& r) {
        const auto latest = r.latest_calibrations();
        ASSERT_EQ(latest.size(), 2U);
        EXPECT_EQ(latest[0].device, e.devices[0].ref);
        EXPECT_EQ(latest[0].counter, 2U);
        EXPECT_EQ(latest[0].beacon, bytes<Beacon>(1, 2));
        EXPECT_EQ(latest[0].issued, at(2));
        EXPECT_EQ(latest[1].device, e.devices[2].ref);
        const auto of_node = r.latest_calibrations_of(e.devices[0].node);
        ASSERT_EQ(of_node.size(), 2U);
        EXPECT_EQ(of_node[0].beacon, latest[0].beacon);
        EXPECT_EQ(of_node[1].device, e.devices[2].ref);
        NodeRef other = e.devices[0].node;
        ++other.number;
        EXPECT_TRUE(r.latest_calibrations_of(other).empty());
        const auto rates = r.calibration_rates();
        ASSERT_EQ(rates.size(), 1U);
        EXPECT_EQ(rates[0].first, e.devices[0].ref);
        EXPECT_EQ(rates[0].second, 500'002U);
        EXPECT_EQ(r.devices()[0].request_sequence, 4U);
        EXPECT_EQ(r.enrolments(1, 9).size(), 1U);
    });
}

TEST_P(FleetContract, PassedCalibrationsAreFoundInTheWindowsOfTheirIssue) {
    const auto e = enrol(store(), 7, 1, 2);
    const DeviceRef device = e.devices[0].ref;
    constexpr Milliseconds window = 4h;
    const auto issue = [&](DeviceRef to, std::uint64_t counter, std::int64_t in_window,
                           Verdict outcome) {
        const Instant issued = instant_from_ms(0) + in_window * window + 7min;
        VerdictRecord judged = verdict(
            {.device = to, .window = {in_window}, .kind = CheckKind::calibration, .ref = counter},
            outcome);
        judged.start = issued;
        if (judged.received) judged.received = issued + 2s;
        store().write([&](Transaction& tx) {
            tx.add_calibration({.device = to,
                                .counter = counter,
                                .beacon = bytes<Beacon>(1, counter),
                                .issued = issued},
                               std::nullopt, 0);
            tx.add_verdicts({&judged, 1});
        });
        return judged;
    };
    const auto found = [&](std::int64_t limit) {
        return read(store(), [&](Reader& r) {
            std::vector<std::pair<Instant, std::uint64_t>> all;
            for (const Calibrated& one : r.passed_calibrations(device, window, limit))
                all.emplace_back(one.received, one.rate);
            return all;
        });
    };
    const auto of = [](const VerdictRecord& v) {
        return std::pair{v.received.value(), v.judgement.rate};
    };
    EXPECT_TRUE(found(4).empty());
    const auto first = issue(device, 1, 100, Verdict::passed);
    issue(device, 2, 100, Verdict::bad_proof);
    issue(device, 3, 101, Verdict::missed);
    const auto second = issue(device, 4, 9'000, Verdict::passed);
    issue(e.devices[1].ref, 1, 9'000, Verdict::passed);
    EXPECT_EQ(found(4), (std::vector{of(second), of(first)}));
    EXPECT_EQ(found(1), std::vector{of(second)});
}

TEST_P(FleetContract, NumbersKeepAll64Bits) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    NodeRecord node = samples::node(0, 1);
    node.sequence = most;
    std::vector<DeviceRecord> devices{device(0, 1)};
    devices[0].memory_bytes = most - 1;
    devices[0].request_sequence = (most >> 1) + 1;
    store().write([&](Transaction& tx) {
        tx.enrol(entry(node.id, 1), node, devices);
        tx.add_calibration({.device = devices[0].ref, .counter = most, .beacon = {}, .issued = {}},
                           std::nullopt, 0);
    });
    store().read([&](Reader& r) {
        EXPECT_EQ(r.nodes()[0].sequence, most);
        EXPECT_EQ(r.devices()[0].memory_bytes, most - 1);
        EXPECT_EQ(r.devices()[0].request_sequence, (most >> 1) + 1);
        EXPECT_EQ(r.latest_calibrations().at(0).counter, most);
    });
}

}  // namespace
}  // namespace vigil::verifier
