#include "verifier/what_if.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

namespace vigil::verifier {
namespace {

using testing::HasSubstr;

constexpr DayIndex today{20'454};
constexpr std::uint64_t rate = 1'000'000;  // a day of six windows is 4 * 10 credits

const Policy& rules() {
    static const Policy policy = *preset("incentivenet-2024-10");
    return policy;
}
const Calendar& calendar() {
    static const Calendar of{rules()};
    return of;
}

Micro micro(std::uint64_t count) { return Micro{Micro::Count{count}}; }

Instant at(const char* part_of_today) {
    const auto part = day_part_from(std::string{part_of_today} + "-24:00", calendar().day_length());
    return calendar().span(today).begin + part->begin;
}

DayFile day_file(DayIndex day, Standing before) {
    DayFile file{.genesis = {},
                 .policy = rules(),
                 .device = {},
                 .day = day,
                 .windows = {},
                 .checks = {},
                 .before = DayRecord{},
                 .settled = std::nullopt};
    file.genesis.programme_start_day = today;
    file.before->after = before;
    return file;
}

/// The window as the record has it: complete at `rate`, its roll call in the first slot.
void close_window(DayFile& file, std::int64_t number) {
    WindowRecord record;
    record.window = calendar().first_window(file.day) + number;
    record.outcome = WindowOutcome::complete;
    record.roll_call_rate = rate;
    file.windows.push_back(record);
    for (std::int64_t i = 0; i < calendar().slots_per_window(); ++i) {
        CheckRow row;
        const SlotIndex slot = calendar().first_slot(record.window) + i;
        row.verdict.claim.kind = i == 0 ? CheckKind::roll_call : CheckKind::hourly;
        row.verdict.claim.window = record.window;
        row.verdict.start = calendar().span(slot).begin + std::chrono::minutes{30};
        row.verdict.deadline = row.verdict.start + std::chrono::seconds{32};
        row.verdict.judgement.verdict = Verdict::passed;
        file.checks.push_back(row);
    }
}

WhatIf asked(std::span<const DayFile> days, const std::string& offline) {
    const auto part = day_part_from(offline, calendar().day_length());
    EXPECT_TRUE(part) << part.error();
    const Instant begin = calendar().span(days.front().day).begin;
    return what_if(days, {begin + part->begin, begin + part->end}, rate);
}

struct Case {
    const char* offline;
    std::uint64_t least, most;  // micro-credits
    const char* why;
};

/// Six windows of 40 credits in all; of five 30.3136, of four 22.97355 (protocol 7.2).
constexpr Case of_a_day_to_come[]{
    {"14:30-15:30", 0, 9'686'400, "no slot is lost whole, and the roll call may be met"},
    {"14:00-15:00", 0, 9'686'400, "one check lost for sure is allowed, unless it is the roll call"},
    {"14:00-16:00", 9'686'400, 9'686'400, "two checks are lost, one too many, whichever they are"},
    {"14:00-20:00", 17'026'450, 17'026'450, "the rest of one window and all of the next"},
    {"15:59-16:01", 0, 17'026'450, "two windows are met for a minute"},
    {"00:00-20:00", 30'000'000, 30'000'000, "one window is left, and a quarter of the credit"},
};

TEST(WhatIf, ADayToComeHasABestAndAWorstCase) {
    for (const Case& c : of_a_day_to_come) {
        const std::vector<DayFile> days{day_file(today, {})};
        const WhatIf found = asked(days, c.offline);
        EXPECT_EQ(found.least, micro(c.least)) << c.offline << ": " << c.why;
        EXPECT_EQ(found.most, micro(c.most)) << c.offline << ": " << c.why;
    }
}

TEST(WhatIf, AWholeDayIsCoveredByGraceOrSlashed) {
    Standing before{.balance = micro(100'000'000), .service_days = 3, .grace_left = 1};
    std::vector<DayFile> days{day_file(today, before)};
    WhatIf found = asked(days, "00:00-24:00");
    EXPECT_EQ(found.least, micro(40'000'000));
    EXPECT_THAT(found.lines, testing::Contains(HasSubstr("a grace day covers it, 0 left")));

    before.grace_left = 0;
    days = {day_file(today, before)};
    found = asked(days, "00:00-24:00");
    EXPECT_EQ(found.most, micro(42'500'000)) << "the day's credit and 2.5 % of 100";
    EXPECT_THAT(found.lines, testing::Contains(HasSubstr(
                                 "down day 1 in a row, slashed 2.500000 credits of 100.000000")));
    EXPECT_EQ(found.lines.back(), "the downtime costs 42.500000 credits");
}

TEST(WhatIf, ADowntimePastMidnightCostsBothDays) {
    const std::vector<DayFile> days{day_file(today, {}), day_file(today + 1, {})};
    const WhatIf found = asked(days, "22:00-04:00");
    EXPECT_EQ(found.least, micro(2 * 9'686'400));
    EXPECT_EQ(found.most, found.least);
}

TEST(WhatIf, AClosedWindowIsJudgedByTheChecksItHad) {
    DayFile file = day_file(today, {});
    for (std::int64_t i = 0; i < 6; ++i) close_window(file, i);
    const std::vector<DayFile> days{file};
    EXPECT_EQ(asked(days, "14:00-14:29").most, micro(0)) << "no check was running";
    EXPECT_EQ(asked(days, "14:00-14:31").most, micro(0)) << "an hourly check, one is allowed";
    EXPECT_EQ(asked(days, "13:31-15:45").most, micro(9'686'400)) << "two of them";
    EXPECT_EQ(asked(days, "12:30:31-12:30:32").least, micro(9'686'400)) << "its roll call";
    EXPECT_EQ(asked(days, "12:30:32-12:31").most, micro(0)) << "its deadline was over";
}

TEST(WhatIf, WhatWasLostOrVoidBeforeCostsNothingMore) {
    DayFile file = day_file(today, {});
    for (std::int64_t i = 0; i < 6; ++i) close_window(file, i);
    file.windows[3].outcome = WindowOutcome::incomplete;
    file.windows[4].outcome = WindowOutcome::voided;
    const std::vector<DayFile> days{file};
    EXPECT_EQ(asked(days, "12:00-20:00").most, micro(0));
    file.checks[0].voided.emplace("the verifier was down");
    file.windows[0].outcome = WindowOutcome::voided;
    EXPECT_EQ(asked(std::vector<DayFile>{file}, "00:00-04:00").most, micro(0));
}

TEST(WhatIf, WindowsBeforeItsEnrolmentAreNotTheDevices) {
    DayFile file = day_file(today, {});
    file.device.enrolled = file.device.active_from = at("16:00");
    const std::vector<DayFile> days{file};
    EXPECT_EQ(asked(days, "00:00-15:00").most, micro(0));
    EXPECT_EQ(asked(days, "16:00-20:00").least, micro(3'195'000)) << "13.195 for two, 10 for one";
    const WhatIf all = asked(days, "16:00-24:00");
    EXPECT_THAT(all.lines, testing::Contains(HasSubstr("excused as the day of enrolment")));
}

TEST(WhatIf, AFortnightIsSlashedDayByDay) {
    const auto part = days_part_from("18:00-10:00", calendar().day_length(), 14);
    ASSERT_TRUE(part);
    ASSERT_EQ(days_met(*part, calendar().day_length()), 14);
    std::vector<DayFile> days;
    for (std::int64_t i = 0; i < 14; ++i)
        days.push_back(day_file(today + i, {.balance = micro(1'000'000'000), .grace_left = 2}));
    const Instant begin = calendar().span(today).begin;
    const WhatIf found = what_if(days, {begin + part->begin, begin + part->end}, rate);
    // The first day keeps four windows (22.97355), the last three (17.4108). Of the twelve between,
    // grace covers two, which count in the run of down days: the third is its third day.
    double balance = 1022.97355;
    for (const double slash : {.025, .025, .025, .05, .05, .05, .05, .05, .1, .1})
        balance *= 1 - slash;
    balance += 17.4108;
    EXPECT_NEAR(std::stod(to_string(found.least)) / 1e6, 1560 - balance, 1e-5);
    EXPECT_EQ(found.least, found.most);
    EXPECT_EQ(std::count_if(found.lines.begin(), found.lines.end(),
                            [](const std::string& line) { return line.starts_with("day "); }),
              14);
}

TEST(WhatIf, SeveralDaysEndOnTheLastOfThem) {
    using std::chrono::hours;
    const Milliseconds day = hours{24};
    const auto part = [&](const char* text, std::int64_t days) {
        return days_part_from(text, day, days).value();
    };
    EXPECT_EQ(part("14:00-20:00", 3).end, hours{2 * 24 + 20});
    EXPECT_EQ(part("20:00-14:00", 3).end, hours{2 * 24 + 14});
    EXPECT_EQ(part("14:00-14:00", 2).end, hours{24 + 14});
    EXPECT_EQ(part("22:00-04:00", 1).end, part("22:00-04:00", 2).end);
    EXPECT_EQ(days_met(part("14:00-20:00", 1), day), 1);
    EXPECT_EQ(days_met(part("14:00-24:00", 1), day), 1);
    EXPECT_EQ(days_met(part("22:00-04:00", 1), day), 2);
    EXPECT_EQ(days_met(part("14:00-20:00", 31), day), 31);
    EXPECT_EQ(part("00:00-24:00", 14).end, hours{14 * 24}) << "whole days";
    EXPECT_EQ(days_met(part("00:00-24:00", 14), day), 14);
    EXPECT_EQ(days_met(part("00:00-00:00", 14), day), 13) << "it ends as the last begins";
    EXPECT_EQ(days_met(part("14:00-00:00", 2), day), 1) << "midnight is the end of the first";
}

TEST(WhatIf, PartsOfADayAreReadStrictly) {
    using std::chrono::hours;
    const auto part = [](const std::string& text, Milliseconds day = hours{24}) {
        return day_part_from(text, day);
    };
    EXPECT_EQ(part("14:00-20:00")->begin, hours{14});
    EXPECT_EQ(part("14:00-20:00")->end, hours{20});
    EXPECT_EQ(part("22:00-04:00:30")->end, hours{28} + std::chrono::seconds{30});
    EXPECT_EQ(part("00:00-24:00")->end, hours{24});
    EXPECT_EQ(part("00:00:30-00:01:10", std::chrono::minutes{2})->end, std::chrono::seconds{70});
    for (const char* wrong :
         {"", "-", "14:00", "14:00-", "-20:00", "14-20", "14:00-14:00", "24:00-25:00",
          "14:60-15:00", "14:0-15:00", "14:00:00:00-15:00", "14:00-20:00-21:00", "14:00- 20:00",
          "+1:00-02:00", "14:00:-15:00", "99999999999:00-1:00"})
        EXPECT_FALSE(part(wrong)) << wrong;
    EXPECT_THAT(part("14:00-20:00", std::chrono::minutes{2}).error(), HasSubstr("120 s here"));
}

TEST(WhatIf, TheExampleInARefusalIsAPartOfThatDay) {
    const std::map<int, std::string> examples{{24 * 3600, "14:00-20:00"},
                                              {3600, "00:35-00:50"},
                                              {120, "00:01:10-00:01:40"},
                                              {4, "00:00:02-00:00:03"}};
    for (const auto& [seconds, example] : examples) {
        const Milliseconds day = std::chrono::seconds{seconds};
        EXPECT_THAT(day_part_from("nonsense", day).error(),
                    HasSubstr("write it as " + example + ","));
        EXPECT_TRUE(day_part_from(example, day)) << example;
    }
}

}  // namespace
}  // namespace vigil::verifier
