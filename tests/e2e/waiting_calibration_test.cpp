#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "proto/signed_texts.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/enrolment.hpp"
#include "verifier/founding.hpp"
#include "verifier/judging.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {
namespace {

using namespace std::chrono_literals;

constexpr Instant begin = instant_from_ms(14'000'000 * std::int64_t{120'000});

/// A network of one node with two devices whose first windows are not closed yet.
class WaitingCalibration : public testing::Test {
protected:
    WaitingCalibration() {
        EXPECT_TRUE(
            found_network(*store, {.network_name = "lab", .policy = preset("demo")}, begin));
        schedule = std::make_unique<Schedule>(*store);
        draw_day_keys(*store, schedule->network(), schedule->calendar().day_at(begin),
                      schedule->calendar().day_at(begin) + 2, begin, [] { return DayKey{}; });
        roster = std::make_unique<Roster>(*store);
        enrolments = std::make_unique<Enrolments>(*store, *roster, *schedule, EnrolmentLimits{});
        wire::Enrolment claimed{.key = key.public_key(),
                                .payout = {},
                                .name = {},
                                .region = {},
                                .version = "0.1.0",
                                .devices = {},
                                .sequence = 1};
        claimed.payout.bytes.fill(1);
        for (const char* uid : {"GPU-0", "GPU-1"})
            claimed.devices.push_back({.uid = uid,
                                       .backend = Backend::cpu,
                                       .model = {},
                                       .driver = {},
                                       .memory_bytes = 0});
        const auto signature = key.sign(wire::enrol_text(schedule->network(), "claims"));
        EXPECT_TRUE(enrolments->enrol({"claims", signature, claimed}, begin));
    }

    std::shared_ptr<const RosterDevice> device(const char* uid) const {
        return roster->device(device_id(key.public_key(), uid));
    }

    SigningKey key{KeySeed{}};
    std::unique_ptr<Store> store = open_sqlite_store(":memory:");
    std::unique_ptr<Schedule> schedule;
    std::unique_ptr<Roster> roster;
    std::unique_ptr<Enrolments> enrolments;
};

/// One answer to a check that has to wait for the window before and to an old calibration; the
/// calibration is replaced before the window closes. The closing used to abort for ever.
TEST_F(WaitingCalibration, ReplacedBeforeItsAnswerIsClosed) {
    const WindowIndex window = schedule->calendar().window_at(begin + 130s);
    const FleetCheck fleet = schedule->plan(window)->fleet.front();
    const auto busy = device("GPU-0");
    const auto free = device("GPU-1");
    const auto checks = schedule->checks_of(*busy, *schedule->plan(window));
    const auto check = std::find_if(checks.begin(), checks.end(), [&](const ScheduledCheck& c) {
        return c.check.start == fleet.start;
    });
    ASSERT_NE(check, checks.end());
    const Challenge old = schedule->calibration_of(*free, *free->calibration).check.challenge;

    const Answer answer{{{.device = busy->id,
                          .challenge = check->check.challenge,
                          .nonces = {1, 2, 3},
                          .hashes_tried = 3},
                         {.device = free->id, .challenge = old, .nonces = {1}, .hashes_tried = 1}}};
    Judging judging{*roster, *schedule};
    const auto judged =
        judging.judge({.node = busy->node,
                       .answer = answer,
                       .signature = key.sign(signed_bytes(schedule->network(), answer)),
                       .received = fleet.start + 10ms});
    ASSERT_TRUE(judged);
    ASSERT_EQ(judged->record.verdicts.size(), 1U);
    EXPECT_EQ(judged->record.verdicts[0].claim.kind, CheckKind::calibration);
    EXPECT_EQ(judged->device_of(judged->record.verdicts[0]).id, free->id);
    store->write([&](Transaction& tx) {
        EXPECT_EQ(tx.record(judged->record).kind, AnswerFate::Kind::recorded);
    });

    Instant later = fleet.deadline;
    while (!schedule->open_checks(*free, later).empty()) later += 500ms;
    const wire::DeviceRequest request{free->id, 1};
    ASSERT_TRUE(enrolments->request_calibration(
        {free->node, request, key.sign(wire::calibrate_text(schedule->network(), request))},
        later));

    const WindowIndex first = schedule->calendar().window_at(begin);
    for (WindowIndex w = first; w <= window; ++w) {
        close_window(*store, *roster, *schedule, w, begin + 400s);
        const DayIndex day = schedule->calendar().day_of(w);
        if (schedule->calendar().day_of(w + 1) != day)
            settle_day(*store, *schedule, day, begin + 400s);
    }
    store->read([&](Reader& reader) {
        EXPECT_EQ(reader.last_closed_window(), window);
        EXPECT_TRUE(reader.unjudged_answers(window).empty());
        const auto rows = reader.verdicts_of(window);
        const auto row = std::find_if(rows.begin(), rows.end(), [&](const CheckRow& r) {
            return r.verdict.claim == check->claim;
        });
        ASSERT_NE(row, rows.end());
        EXPECT_EQ(row->verdict.judgement.verdict, Verdict::bad_proof);
    });
}

}  // namespace
}  // namespace vigil::verifier
