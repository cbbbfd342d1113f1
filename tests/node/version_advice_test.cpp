#include "node/version_advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vigil::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

VersionAdvice advice(const char* own, const char* recommended, const char* by = "") {
    wire::Network network;
    network.recommended_node_version = recommended;
    network.recommended_by = by;
    return version_advice(own, network);
}

TEST(VersionAdvice, ComparesNumbers) {
    EXPECT_TRUE(advice("0.9.9", "0.10.0").outdated);
    EXPECT_TRUE(advice("0.1", "0.1.0.1").outdated);
    EXPECT_FALSE(advice("0.10.0", "0.9.9").outdated);
    EXPECT_FALSE(advice("0.2.0-rc1", "0.2").outdated) << "what follows the numbers does not count";
    EXPECT_FALSE(advice("0.2.0", "0.2.0").outdated);
}

TEST(VersionAdvice, SaysWhichAndByWhen) {
    EXPECT_EQ(advice("0.1.0", "0.2.0").words("0.1.0"),
              "the network recommends version 0.2.0 or newer, this node is 0.1.0");
    EXPECT_EQ(advice("0.1.0", "0.2.0", "2026-12-01").words("0.1.0"),
              "the network recommends version 0.2.0 or newer by 2026-12-01, this node is 0.1.0");
}

TEST(VersionAdvice, BelievesNoTextOfAVerifier) {
    for (const char* text : {"", "latest", "1.", "\x1b[2J"}) {
        EXPECT_FALSE(advice("0.1.0", text).outdated) << text;
        EXPECT_EQ(advice("0.1.0", text).recommended, "");
    }
    EXPECT_EQ(advice("0.1.0", "0.2.0", "tomorrow\n").by, "");
    const std::string words = advice("0.1.0", "0.2.0-\x1b[2J").words("0.1.0");
    EXPECT_THAT(words, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace vigil::node
