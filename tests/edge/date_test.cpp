#include "proto/edge/date.hpp"

#include <gtest/gtest.h>

namespace vigil::edge {
namespace {

TEST(Date, ADayOfTheCalendar) {
    for (const char* text : {"2026-12-01", "2028-02-29", "2000-02-29", "9999-12-31"})
        EXPECT_TRUE(is_date(text)) << text;
}

TEST(Date, NothingElse) {
    for (const char* text :
         {"", "2026-12-1", "2026-13-01", "2026-00-01", "2026-02-29", "1900-02-29", "2026-12-32",
          "2026-12-00", "2026/12/01", "01-12-2026", "2026-12-01 ", "+026-12-01"})
        EXPECT_FALSE(is_date(text)) << text;
}

}  // namespace
}  // namespace vigil::edge
