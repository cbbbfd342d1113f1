#include "proto/edge/version.hpp"

#include <gtest/gtest.h>

namespace vigil::edge {
namespace {

TEST(Version, OneToFourNumbersInOrder) {
    EXPECT_EQ(version_numbers("0.12.1-rc1"), (std::array<unsigned, 4>{0, 12, 1, 0}));
    EXPECT_EQ(version_numbers("580.65.06"), (std::array<unsigned, 4>{580, 65, 6, 0}));
    EXPECT_EQ(version_numbers("7"), (std::array<unsigned, 4>{7, 0, 0, 0}));
    EXPECT_LT(version_numbers("0.9.0"), version_numbers("0.10.0"));
    EXPECT_EQ(version_numbers("1.0+build"), version_numbers("1.0.0"));
}

TEST(Version, NothingElse) {
    for (const char* text : {"", "latest", "1.", ".1", "1..2", "1.2.3.4.5", "1.x", "99999999999"})
        EXPECT_FALSE(version_numbers(text)) << text;
}

}  // namespace
}  // namespace vigil::edge
