#include "proto/edge/progress_bar.hpp"

#include <gtest/gtest.h>

namespace vigil::edge {
namespace {

using namespace std::chrono_literals;

TEST(ProgressLine, SaysHowFarAndHowLong) {
    EXPECT_EQ(progress_line("audit", 0, 100, 0ms), "audit [....................]   0 %");
    EXPECT_EQ(progress_line("audit", 45, 100, 9s),
              "audit [#########...........]  45 %, about 11 s left");
    EXPECT_EQ(progress_line("audit", 1, 100, 60s),
              "audit [....................]   1 %, about 1 h 39 min left");
    EXPECT_EQ(progress_line("audit", 50, 100, 90s),
              "audit [##########..........]  50 %, about 1 min 30 s left");
    EXPECT_EQ(progress_line("audit", 100, 100, 9s), "audit [####################] 100 %");
}

TEST(ProgressLine, DoesNotGuessTooEarlyAndBearsAnyNumber) {
    EXPECT_EQ(progress_line("x", 45, 100, 999ms), "x [#########...........]  45 %");
    EXPECT_EQ(progress_line("x", 0, 0, 5s), "x [####################] 100 %");
    EXPECT_EQ(progress_line("x", 7, 3, 5s), "x [####################] 100 %");
    EXPECT_EQ(progress_line("x", UINT64_MAX / 2, UINT64_MAX, 1s).substr(0, 24),
              "x [##########..........]");
    EXPECT_FALSE(progress_line("x", 1, UINT64_MAX, 5s).empty());
}

TEST(ProgressBar, WritesOnlyWhereItIsSeen) {
    testing::internal::CaptureStderr();
    {
        ProgressBar unseen{"x", false};
        unseen.show(1, 2);
    }
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    testing::internal::CaptureStderr();
    {
        ProgressBar bar{"x", true};
        for (std::uint64_t i = 0; i < 1000; ++i) bar.show(0, 1000);
    }
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_TRUE(text.starts_with("\r\x1b[Kx [")) << text;
    EXPECT_TRUE(text.ends_with("\r\x1b[K")) << "nothing is left of it";
}

}  // namespace
}  // namespace vigil::edge
