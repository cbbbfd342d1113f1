#include "verifier/service/waiting_line.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace vigil::verifier {
namespace {

std::vector<int> all_of(WaitingLine<std::string, int>& line) {
    std::vector<int> order;
    while (const auto next = line.take()) order.push_back(*next);
    return order;
}

TEST(WaitingLine, KeysTakeTurnsAndEachKeepsItsOrder) {
    WaitingLine<std::string, int> line;
    for (int i = 0; i < 4; ++i) line.put("crowd", i);
    line.put("one", 100);
    line.put("two", 200);
    line.put("two", 201);
    EXPECT_EQ(line.size(), 7U);
    EXPECT_EQ(line.size_of("crowd"), 4U);
    EXPECT_EQ(all_of(line), (std::vector{0, 100, 200, 1, 201, 2, 3}));
    EXPECT_EQ(line.size(), 0U);
    EXPECT_EQ(line.size_of("crowd"), 0U);
}

TEST(WaitingLine, OneWhoComesLateIsBehindOneOfEachAtMost) {
    WaitingLine<std::string, int> line;
    for (int i = 0; i < 1'000; ++i) line.put("crowd", i);
    for (int i = 0; i < 10; ++i) line.take();
    line.put("late", -1);
    EXPECT_EQ(line.take(), 10);
    EXPECT_EQ(line.take(), -1);
    EXPECT_EQ(line.take(), 11);
}

}  // namespace
}  // namespace vigil::verifier
