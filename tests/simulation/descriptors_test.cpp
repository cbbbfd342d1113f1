#include <cstdio>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/edge/scratch.hpp"
#include "tests/simulation/running_verifier.hpp"

namespace vigil::verifier {
namespace {

/// A verifier's start where the system gives a process such limits; what its log says of them.
[[noreturn]] void start_under(rlim_t soft, rlim_t hard) {
    const rlimit given{soft, hard};
    if (::setrlimit(RLIMIT_NOFILE, &given) != 0) std::_Exit(1);
    const edge::Scratch scratch;
    std::atomic<Milliseconds> jump{};
    const KeptLog log;
    { const RunningVerifier verifier{scratch.path("data"), jump}; }
    std::fputs(log.line_with("files and connections").c_str(), stderr);
    std::_Exit(0);
}

TEST(DescriptorsDeathTest, AVerifierTakesAllItMayHaveAndWarnsOfTooFew) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(start_under(300, 4'000), testing::ExitedWithCode(0),
                "warning.* up to 4000 files .* carries 2488 nodes where 50000 .* limit of 59000");
}

TEST(DescriptorsDeathTest, AVerifierSaysHowManyNodesTheyCarry) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    rlimit own{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
    if (own.rlim_max < 59'000) GTEST_SKIP() << "SKIPPED: the system gives " << own.rlim_max;
    EXPECT_EXIT(start_under(300, 59'000), testing::ExitedWithCode(0),
                "info.* up to 59000 files .* carries 50296 nodes");
}

}  // namespace
}  // namespace vigil::verifier
