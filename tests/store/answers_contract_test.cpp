#include <limits>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using Kind = AnswerFate::Kind;

class AnswersContract : public StoreContract {};
INSTANTIATE_TEST_SUITE_P(Every, AnswersContract, every_implementation(), implementation_name);

std::string stored_text(const AnswerRecord& a, std::int64_t number) {
    return text(StoredAnswer{.number = number,
                             .node = a.node,
                             .id = a.id,
                             .received = a.received,
                             .signed_bytes = a.signed_bytes,
                             .signature = a.signature});
}

TEST_P(AnswersContract, RecordedAnswerIsFoundAgainWithItsVerdicts) {
    const auto e = enrol(store(), 7, 1, 2);
    const auto a =
        answer(e.node.ref, {hourly(e.devices[0].ref, 41), hourly(e.devices[1].ref, 41)}, 1);
    const auto fate = record(store(), a);
    EXPECT_EQ(fate.kind, Kind::recorded);
    EXPECT_EQ(fate.id, a.id);
    EXPECT_EQ(fate.received, a.received);
    store().read([&](Reader& r) {
        EXPECT_EQ(text(r.answer(a.id, e.node.ref).value()), stored_text(a, 1));
        EXPECT_EQ(texts(r.answers(e.node.ref, {})), (std::vector{stored_text(a, 1)}));
        for (const CheckClaim& claim : a.claims)
            EXPECT_EQ(text(r.answer_to(claim).value()), stored_text(a, 1));
        EXPECT_FALSE(r.answer_to(hourly(e.first(), 42))) << "nobody answered that one";
        EXPECT_EQ(r.answer_count(), 1);
        const auto rows = r.verdicts_of({10});
        ASSERT_EQ(rows.size(), 2U);
        EXPECT_EQ(text(rows[0].verdict), text(a.verdicts[0]));
        EXPECT_EQ(text(rows[1].verdict), text(a.verdicts[1]));
        EXPECT_TRUE(r.unjudged_answers({10}).empty());
    });
}

TEST_P(AnswersContract, RepeatGetsTheFirstReceiveTimeAlsoAfterItsWindowClosed) {
    const auto e = enrol(store(), 7, 1);
    const auto first = answer(e.node.ref, {hourly(e.first(), 41)}, 1);
    record(store(), first);
    auto again = first;
    again.received = at(999);
    for (int round = 0; round < 2; ++round) {
        const auto fate = record(store(), again);
        EXPECT_EQ(fate.kind, Kind::repeated);
        EXPECT_EQ(fate.received, first.received);
        EXPECT_EQ(fate.id, first.id);
        close(store(), 10 + round);
    }
    EXPECT_EQ(read(store(), [](Reader& r) { return r.answer_count(); }), 1);
}

TEST_P(AnswersContract, OtherAnswerToTheSameCheckIsARepeatOfTheFirst) {
    const auto e = enrol(store(), 7, 1);
    const auto first = answer(e.node.ref, {hourly(e.first(), 41)}, 1);
    record(store(), first);
    auto other = answer(e.node.ref, {hourly(e.first(), 41)}, 2);
    other.verdicts[0].judgement.verdict = Verdict::bad_proof;
    const auto fate = record(store(), other);
    EXPECT_EQ(fate.kind, Kind::repeated);
    EXPECT_EQ(fate.id, first.id);
    store().read([&](Reader& r) {
        EXPECT_EQ(r.verdicts_of({10})[0].verdict.judgement.verdict, Verdict::passed);
        EXPECT_FALSE(r.answer(other.id, e.node.ref));
    });
}

TEST_P(AnswersContract, AnswerThatIsPartlyTakenIsRefusedWhole) {
    const auto e = enrol(store(), 7, 1, 2);
    const auto taken = hourly(e.devices[0].ref, 41), free = hourly(e.devices[1].ref, 41);
    const auto first = answer(e.node.ref, {taken}, 1);
    record(store(), first);
    const auto fate = record(store(), answer(e.node.ref, {free, taken}, 2));
    EXPECT_EQ(fate.kind, Kind::contradicted);
    EXPECT_EQ(fate.id, first.id);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.verdicts_of({10}).size(); }), 1U);
    EXPECT_EQ(record(store(), answer(e.node.ref, {free}, 3)).kind, Kind::recorded);
}

TEST_P(AnswersContract, ClaimsThatTwoAnswersTookAreNoRepeat) {
    const auto e = enrol(store(), 7, 1, 2);
    const auto left = hourly(e.devices[0].ref, 41), right = hourly(e.devices[1].ref, 41);
    const auto first = answer(e.node.ref, {left}, 1), second = answer(e.node.ref, {right}, 2);
    const auto both = answer(e.node.ref, {right, left}, 3);
    std::vector<AnswerFate> fates;
    store().write([&](Transaction& tx) {  // as a group commit does
        fates = {tx.record(first), tx.record(second), tx.record(both)};
    });
    EXPECT_EQ(fates[1].kind, Kind::recorded);
    // A receipt for one of the two would say that the other proof was in it, too.
    EXPECT_EQ(fates[2].kind, Kind::contradicted);
    EXPECT_EQ(fates[2].id, second.id);
    EXPECT_EQ(record(store(), both).kind, Kind::contradicted);
    EXPECT_EQ(record(store(), answer(e.node.ref, {left}, 4)).kind, Kind::repeated);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.answer_count(); }), 2);
}

TEST_P(AnswersContract, ClosedWindowTakesNoAnswer) {
    const auto e = enrol(store(), 7, 1, 2);
    close(store(), 10);
    const auto late = hourly(e.devices[0].ref, 41), open = hourly(e.devices[1].ref, 44);
    EXPECT_EQ(record(store(), answer(e.node.ref, {late}, 1)).kind, Kind::closed);
    EXPECT_EQ(record(store(), answer(e.node.ref, {open, late}, 2)).kind, Kind::closed);
    EXPECT_EQ(record(store(), answer(e.node.ref, {open}, 3)).kind, Kind::recorded);
    EXPECT_EQ(read(store(), [](Reader& r) { return r.answer_count(); }), 1);
}

// A verifier that had been cut off recorded it when the day was settled without it.
TEST_P(AnswersContract, CalibrationIsTakenUntilTheWindowItsAnswerCameInIsClosed) {
    const auto e = enrol(store(), 7, 1, 3);
    const auto offer = [&](std::size_t device, std::int64_t received_in, bool in_batch) {
        CheckClaim calibration = hourly(e.devices[device].ref, 39);  // issued in window 9
        calibration.kind = CheckKind::calibration;
        auto one = answer(e.node.ref, {calibration}, 1 + device);
        one.received_in = {received_in};
        const AnswerRecord* pointer = &one;
        return in_batch ? store().record({&pointer, 1}).at(0).kind : record(store(), one).kind;
    };
    close(store(), 9);
    EXPECT_EQ(offer(0, 10, true), Kind::recorded) << "its own window does not matter";
    store().write([](Transaction& tx) { tx.begin_closing({10}, at(0)); });
    for (const bool in_batch : {true, false}) {
        EXPECT_EQ(offer(1, 10, in_batch), Kind::closed);
        EXPECT_EQ(offer(0, 10, in_batch), Kind::repeated) << "its receipt stands";
    }
    EXPECT_EQ(offer(1, 11, true), Kind::recorded) << "it counts later";
    EXPECT_EQ(offer(2, 11, false), Kind::recorded);
    store().read([](Reader& r) {
        EXPECT_EQ(r.answer_count(), 3);
        EXPECT_EQ(r.calibration_verdicts_of({9}).size(), 3U);
        EXPECT_TRUE(r.verdicts_of({9}).empty());  // calibrations are not among them
    });
}

TEST_P(AnswersContract, CheckIsTheDeviceKindAndRef) {
    const auto e = enrol(store(), 7, 1, 2);
    const auto base = hourly(e.devices[0].ref, 41);
    auto other_kind = base, other_ref = base, other_device = base;
    other_kind.kind = CheckKind::spot;
    other_ref.ref = 42;
    other_device.device = e.devices[1].ref;
    std::uint64_t n = 0;
    for (const auto& claim : {base, other_kind, other_ref, other_device})
        EXPECT_EQ(record(store(), answer(e.node.ref, {claim}, ++n)).kind, Kind::recorded);
    for (const auto& claim : {base, other_kind, other_ref, other_device})
        EXPECT_EQ(record(store(), answer(e.node.ref, {claim}, ++n)).kind, Kind::repeated);
}

TEST_P(AnswersContract, AnswerThatWaitedForItsVerdictIsFoundAndTakesItsCheckAsBefore) {
    const auto e = enrol(store(), 7, 1, 2);
    const auto waited = hourly(e.devices[0].ref, 41), beside = hourly(e.devices[1].ref, 41);
    const auto first = unjudged(answer(e.node.ref, {waited, beside}, 1));
    record(store(), first);
    store().write([&](Transaction& tx) { tx.add_verdicts(std::vector{verdict(waited)}); });
    for (const auto& claim : {waited, beside}) {
        store().read([&](Reader& r) {
            ASSERT_TRUE(r.answer_to(claim));
            EXPECT_EQ(r.answer_to(claim)->id, first.id);
        });
        const auto fate = record(store(), answer(e.node.ref, {claim}, 2));
        EXPECT_EQ(fate.kind, Kind::repeated);
        EXPECT_EQ(fate.id, first.id);
    }
    EXPECT_EQ(read(store(), [](Reader& r) { return r.answer_count(); }), 1);
}

TEST_P(AnswersContract, CheckThatWasDecidedWithoutAnAnswerTakesNone) {
    const auto e = enrol(store(), 7, 1, 2);
    CheckClaim decided = hourly(e.devices[0].ref, 41), open = hourly(e.devices[1].ref, 41);
    decided.kind = open.kind = CheckKind::calibration;
    store().write(
        [&](Transaction& tx) { tx.add_verdicts(std::vector{verdict(decided, Verdict::missed)}); });
    EXPECT_EQ(record(store(), answer(e.node.ref, {decided}, 1)).kind, Kind::closed);
    EXPECT_EQ(record(store(), answer(e.node.ref, {open, decided}, 2)).kind, Kind::closed);
    EXPECT_EQ(record(store(), answer(e.node.ref, {open}, 3)).kind, Kind::recorded);
    store().read([&](Reader& r) {
        EXPECT_FALSE(r.answer_to(decided));
        EXPECT_TRUE(r.answer_to(open));
        EXPECT_EQ(r.answer_count(), 1);
    });
}

TEST_P(AnswersContract, UnjudgedAnswersWaitInOrderOfArrivalForTheirVerdicts) {
    const auto a = enrol(store(), 200, 1), b = enrol(store(), 3, 2), c = enrol(store(), 3, 3, 2);
    const auto first = unjudged(answer(a.node.ref, {hourly(a.first(), 41)}, 1));
    const auto second = unjudged(answer(b.node.ref, {hourly(b.first(), 41)}, 2));
    const auto third = unjudged(
        answer(c.node.ref, {hourly(c.devices[0].ref, 41), hourly(c.devices[1].ref, 41)}, 3));
    const auto elsewhere = unjudged(answer(b.node.ref, {hourly(b.first(), 44)}, 4));
    for (const auto& one : {second, first, elsewhere, third}) record(store(), one);

    const auto waiting = [&](std::int64_t window) {
        std::vector<AnswerId> out;
        for (const auto& one :
             read(store(), [&](Reader& r) { return r.unjudged_answers({window}); }))
            out.push_back(one.id);
        return out;
    };
    EXPECT_EQ(waiting(10), (std::vector{first.id, second.id, third.id}));
    EXPECT_EQ(waiting(11), (std::vector{elsewhere.id}));
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector{verdict(first.claims[0]), verdict(third.claims[0])});
    });
    EXPECT_EQ(waiting(10), (std::vector{second.id, third.id}));
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector{verdict(second.claims[0]), verdict(third.claims[1])});
    });
    EXPECT_TRUE(waiting(10).empty());
}

TEST_P(AnswersContract, FirstVerdictOfACheckStays) {
    const auto e = enrol(store(), 7, 1);
    const auto claim = hourly(e.first(), 41);
    store().write([&](Transaction& tx) {
        tx.add_verdicts(std::vector{verdict(claim, Verdict::late)});
        tx.add_verdicts(std::vector{verdict(claim, Verdict::passed)});
    });
    store().write([&](Transaction& tx) {
        tx.close_window({10}, at(0), std::vector{verdict(claim, Verdict::missed)}, {}, {});
    });
    const auto rows = read(store(), [](Reader& r) { return r.verdicts_of({10}); });
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(text(rows[0].verdict), text(verdict(claim, Verdict::late)));
}

TEST_P(AnswersContract, PagesOfANodesAnswersMeetWithoutGapOrOverlap) {
    const auto a = enrol(store(), 7, 1), b = enrol(store(), 7, 2);
    std::vector<AnswerId> newest_first;
    store().write([&](Transaction& tx) {  // two nodes in turn, more than one chapter of 4,096
        for (std::uint64_t n = 1; n <= 10'000; ++n) {
            const bool ours = n % 2 == 0;
            const auto one = answer(ours ? a.node.ref : b.node.ref,
                                    {hourly(ours ? a.first() : b.first(), n)}, n);
            tx.record(one);
            if (ours) newest_first.insert(newest_first.begin(), one.id);
        }
    });
    std::vector<AnswerId> found;
    Page page{.before = std::nullopt, .limit = 999};
    for (;;) {
        const auto rows = read(store(), [&](Reader& r) { return r.answers(a.node.ref, page); });
        for (const auto& row : rows) found.push_back(row.id);
        if (rows.size() < 999) break;
        page.before = rows.back().number;
    }
    EXPECT_EQ(found, newest_first);
    store().read([&](Reader& r) {
        EXPECT_EQ(r.answer_count(), 10'000);
        EXPECT_EQ(r.answer(newest_first.back(), a.node.ref).value().number, 2);
        EXPECT_FALSE(r.answer(newest_first.back(), b.node.ref));
        EXPECT_EQ(r.answers(a.node.ref, {.before = std::nullopt, .limit = 5'000}).size(), 1'000U);
        EXPECT_TRUE(r.answers(a.node.ref, {.before = 1, .limit = 5}).empty());
    });
}

TEST_P(AnswersContract, NumbersAndBytesOfEveryKindSurvive) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    const auto e = enrol(store(), 255, 1);
    auto claim = hourly(e.first(), 41);
    claim.ref = most;
    auto a = answer(e.node.ref, {claim}, 1);
    a.id.bytes.fill(0xff);
    a.signed_bytes.assign(70'000, 0);  // zeros, and longer than any page
    a.signed_bytes.back() = 0xff;
    a.verdicts[0].judgement.work = most;
    a.verdicts[0].judgement.rate = most - 1;
    a.verdicts[0].judgement.baseline = (most >> 1) + 1;
    a.verdicts[0].judgement.reason.clear();
    a.verdicts[0].k = std::numeric_limits<std::uint32_t>::max();
    record(store(), a);
    store().read([&](Reader& r) {
        EXPECT_EQ(text(r.verdicts_of({10}).at(0).verdict), text(a.verdicts[0]));
        EXPECT_EQ(r.answer(a.id, e.node.ref).value().signed_bytes, a.signed_bytes);
    });
    EXPECT_EQ(record(store(), a).kind, Kind::repeated);
}

}  // namespace
}  // namespace vigil::verifier
