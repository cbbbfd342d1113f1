#include "core/uptime/incident.hpp"

#include <gtest/gtest.h>
#include <string>

namespace vigil {
namespace {

/// g good, b bad, u unknown, x gone; a letter each: . nothing new, O opened, R recovered.
struct Row {
    const char *signs, *news;
    std::uint32_t open_after;
};

Sign sign_of(char letter) {
    if (letter == 'g') return Sign::good;
    if (letter == 'b') return Sign::bad;
    return letter == 'u' ? Sign::unknown : Sign::gone;
}

TEST(Incident, OpensAfterARunAndEndsWithAGoodSign) {
    for (const Row& row : {
             Row{"ggg", "...", 3},
             Row{"bbb", "..O", 3},
             Row{"bbgbb", ".....", 3},
             Row{"bbbbbg", "..O..R", 3},
             Row{"bg", "OR", 1},
             Row{"bubuub", ".....O", 3},  // a void window neither counts nor ends a run
             Row{"bbbuug", "..O..R", 3},
             Row{"bbbgbbbg", "..OR..OR", 3},
             Row{"bbbxg", "..O..", 3},  // retired: nobody recovered
             Row{"bbxb", "....", 3},
             Row{"uxg", "...", 3},
         }) {
        Incident incident;
        std::string news;
        std::int64_t at = 0;
        for (const char* letter = row.signs; *letter != '\0'; ++letter) {
            const IncidentStep stepped =
                step(incident, sign_of(*letter), instant_from_ms(++at), row.open_after);
            incident = stepped.after;
            news += stepped.news == IncidentStep::News::opened      ? 'O'
                    : stepped.news == IncidentStep::News::recovered ? 'R'
                                                                    : '.';
        }
        EXPECT_EQ(news, row.news) << row.signs;
    }
}

TEST(Incident, KnowsItsFirstBadSignAndHowManyThereWere) {
    Incident incident;
    for (const std::int64_t at : {5, 6, 7, 8})
        incident = step(incident, Sign::bad, instant_from_ms(at), 2).after;
    EXPECT_EQ(incident.since, instant_from_ms(5));
    EXPECT_EQ(incident.bad, 4U);
    EXPECT_TRUE(incident.open);
    EXPECT_EQ(step(incident, Sign::good, instant_from_ms(9), 2).after, Incident{});
}

}  // namespace
}  // namespace vigil
