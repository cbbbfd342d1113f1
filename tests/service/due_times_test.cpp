#include "verifier/service/due_times.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>

namespace vigil::verifier {
namespace {

using Keys = std::vector<std::uint64_t>;

TEST(DueTimes, GivesWhatIsDueOnceAndEarliestFirst) {
    DueTimes<int> times;
    times.set(1, 30);
    times.set(2, 10);
    times.set(3, 20);
    EXPECT_EQ(times.take(9), Keys{});
    EXPECT_EQ(times.take(20), (Keys{2, 3}));
    EXPECT_EQ(times.take(29), Keys{});
    EXPECT_EQ(times.take(30), Keys{1});
    EXPECT_EQ(times.take(1'000), Keys{});
}

TEST(DueTimes, KeyHasOneTime) {
    DueTimes<int> times;
    for (int at = 0; at < 100; ++at) times.set(7, at);
    EXPECT_EQ(times.size(), 1U);
    EXPECT_EQ(times.take(98), Keys{});
    times.set(7, 5);
    EXPECT_EQ(times.take(98), Keys{7});
    times.set(7, 5);
    times.forget(7);
    times.forget(8);
    EXPECT_EQ(times.take(98), Keys{});
    EXPECT_EQ(times.size(), 0U);
}

TEST(DueTimes, AgreesWithLookingAtAll) {
    std::mt19937 random{7};
    DueTimes<int> times;
    std::map<std::uint64_t, int> plain;
    for (int now = 0; now < 2'000; ++now) {
        const std::uint64_t key = random() % 40;
        if (random() % 5 == 0) {
            times.forget(key);
            plain.erase(key);
        } else {
            const int at = now + static_cast<int>(random() % 50);
            times.set(key, at);
            plain[key] = at;
        }
        Keys due = times.take(now), expected;
        std::sort(due.begin(), due.end());
        for (const auto& [k, at] : plain)
            if (at <= now) expected.push_back(k);
        for (const std::uint64_t k : expected) plain.erase(k);
        ASSERT_EQ(due, expected) << "at " << now;
        ASSERT_EQ(times.size(), plain.size());
    }
}

}  // namespace
}  // namespace vigil::verifier
