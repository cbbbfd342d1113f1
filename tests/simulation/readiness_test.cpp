#include <chrono>
#include <gmock/gmock.h>

#include "tests/edge/scratch.hpp"
#include "tests/simulation/running_verifier.hpp"

namespace vigil::verifier {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Readiness, AClockThatLeapsTurnsItRedUntilItIsBackOrARestart) {
    const edge::Scratch scratch;
    std::atomic<Milliseconds> jump{};
    const KeptLog log;
    {
        const RunningVerifier verifier{scratch.path("data"), jump};
        EXPECT_EQ(verifier.readiness(200), "ready\n");
        jump = 1h;
        const std::string why = verifier.readiness(503);
        EXPECT_THAT(why, HasSubstr("the system clock leapt ahead: it says 2023-"));
        EXPECT_THAT(why, HasSubstr("windows and days wait"));
        std::this_thread::sleep_for(1500ms);
        EXPECT_EQ(verifier.last_closed(), std::nullopt);
        jump = 0ms;
        EXPECT_EQ(verifier.readiness(200), "ready\n");
        EXPECT_EQ(verifier.last_closed(), std::nullopt);
        jump = 1h;
        EXPECT_NE(verifier.readiness(503), "");
    }
    EXPECT_EQ(log.count("E-CLOCK"), 2U) << "once for each leap";
    EXPECT_EQ(log.count("restart the verifier"), 2U);
    EXPECT_EQ(log.count("agrees again"), 1U);
    const RunningVerifier restarted{scratch.path("data"), jump};
    EXPECT_EQ(restarted.readiness(200), "ready\n");
    EXPECT_TRUE(restarted.last_closed());
}

}  // namespace
}  // namespace vigil::verifier
