#include "verifier/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verifier/day_words.hpp"

namespace vigil::verifier {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;

constexpr DayIndex day{20'484};  // 2026-01-31

DayFile day_of_a_device(Instant enrolled) {
    DayFile file{.genesis = {},
                 .policy = *preset("incentivenet-2024-10"),
                 .device = {},
                 .day = day,
                 .windows = {},
                 .checks = {},
                 .before = std::nullopt,
                 .settled = std::nullopt};
    file.device.enrolled = file.device.active_from = enrolled;
    return file;
}
Instant at(Milliseconds time_of_day) {
    return Calendar{*preset("incentivenet-2024-10")}.span(day).begin + time_of_day;
}

TEST(Explain, WindowsBeforeAndInWhichADeviceWasEnrolledDoNotCount) {
    using namespace std::chrono_literals;
    EXPECT_THAT(explain(day_of_a_device(at(6h))),
                AllOf(Contains("  window 1 of 6, 00:00:00 to 04:00:00: before this device was "
                               "enrolled: does not count"),
                      Contains("  window 2 of 6, 04:00:00 to 08:00:00: this device was enrolled in "
                               "it: does not count"),
                      Contains("  window 3 of 6, 08:00:00 to 12:00:00: not closed yet")));
    DayFile back = day_of_a_device(at(4h));
    back.device.enrolled = at(-240h);
    EXPECT_THAT(explain(back), AllOf(Contains(HasSubstr("before this device was enrolled again:")),
                                     Contains(HasSubstr("window 2 of 6, 04:00:00 to 08:00:00: not "
                                                        "closed yet"))))
        << "enrolled as it begins, a window counts";
    DayFile young = day_of_a_device(at(6h));
    young.genesis.founded = at(4h);
    EXPECT_THAT(explain(young), Contains(HasSubstr("before the network was founded")));
}

TEST(Explain, WindowsAfterARetirementDoNotCount) {
    DayFile file = day_of_a_device(at(Milliseconds{-1}));
    file.device.retired_from = day + 1;
    EXPECT_THAT(explain(file), Each(Not(HasSubstr("retired"))));
    file.device.retired_from = day;
    EXPECT_THAT(explain(file), AllOf(Contains(HasSubstr("window 6 of 6, 20:00:00 to 00:00:00: this "
                                                        "device is retired by then: does not")),
                                     Each(Not(HasSubstr("not closed yet")))));
}

TEST(DayWords, ADayIsNamedByNumberOrByDate) {
    const Calendar calendar{*preset("incentivenet-2024-10")};
    EXPECT_EQ(day_words(day, calendar), "20484 (2026-01-31)");
    EXPECT_EQ(day_named("20484", calendar), day);
    EXPECT_EQ(day_named("2026-01-31", calendar), day);
    EXPECT_EQ(day_named("2024-02-29", calendar), DayIndex{19'782});
    for (const char* wrong : {"", "x", "2026-1-31", "2026-02-30", "2026-01-31 ", "31.01.2026",
                              "20260131.", "2026/01/31", "99999999999999999999", "+026-01-31"}) {
        const auto named = day_named(wrong, calendar);
        ASSERT_FALSE(named) << wrong;
        EXPECT_THAT(named.error(), HasSubstr("2026-01-31")) << wrong;
    }
}

TEST(DayWords, WhereADayIsShorterADateNamesNone) {
    const Calendar calendar{*preset("demo")};
    EXPECT_EQ(day_words(DayIndex{14'748'481}, calendar), "14748481 (2026-01-31 00:02 UTC)");
    EXPECT_EQ(day_named("14748481", calendar), DayIndex{14'748'481});
    EXPECT_THAT(day_named("2026-01-31", calendar).error(),
                AllOf(HasSubstr("120 s"), HasSubstr("give its number")));
    EXPECT_EQ(moment(instant_from_ms(1'000)), "1970-01-01 00:00:01 UTC");
}

}  // namespace
}  // namespace vigil::verifier
