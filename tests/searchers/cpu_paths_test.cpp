#include <array>
#include <gtest/gtest.h>

#include "core/work/pow_hash.hpp"
#include "node/cpu_searcher.hpp"
#include "node/cpu_searcher_first_round.hpp"
#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {
namespace {

std::uint64_t first64(const Hash& hash) {
    std::uint64_t out = 0;
    for (int i = 0; i < 8; ++i) out = out << 8 | hash.bytes[static_cast<std::size_t>(i)];
    return out;
}

TEST(CpuPaths, ScanIsExactAtTheThreshold) {
    const Challenge challenge{{1, 2, 3}};
    const FirstRound first_round = first_round_of(challenge);
    for (const CpuPath& path : cpu_paths()) {
        if (!path.supported()) continue;
        SCOPED_TRACE(path.name);
        for (std::uint64_t nonce :
             {std::uint64_t{0}, std::uint64_t{63}, std::uint64_t{64}, ~std::uint64_t{0}}) {
            const std::uint64_t exact = first64(pow_hash(challenge, nonce));
            std::array<std::uint64_t, scan_capacity> found;
            EXPECT_EQ(path.scan({first_round, nonce, nonce, exact}, found.data()).found, 1U);
            EXPECT_EQ(found[0], nonce);
            EXPECT_EQ(path.scan({first_round, nonce, nonce, exact - 1}, found.data()).found, 0U);
        }
    }
}

TEST(CpuPaths, ScanStopsBeforeItsListIsFull) {
    const FirstRound first_round = first_round_of({});
    for (const CpuPath& path : cpu_paths()) {
        if (!path.supported()) continue;
        SCOPED_TRACE(path.name);
        std::array<std::uint64_t, scan_capacity> found;
        const Scanned scanned = path.scan({first_round, 5, 9'999, ~std::uint64_t{0}}, found.data());
        EXPECT_EQ(scanned.found, scanned.nonces);
        EXPECT_GT(scanned.nonces, 0U);
        EXPECT_LE(scanned.found, scan_capacity);
        for (std::size_t i = 0; i < scanned.found; ++i) EXPECT_EQ(found[i], 5 + i);
    }
}

TEST(CpuPaths, TheFastestSupportedIsChosen) {
    std::string fastest;
    for (const CpuPath& path : cpu_paths()) {
        if (path.supported()) fastest = path.name;
    }
    EXPECT_EQ(make_cpu_searcher({.threads = 1, .path = "", .machine_id = "m"})->device().kernel,
              fastest);
}

TEST(CpuPaths, AnUnknownPathIsRefusedByName) {
    try {
        make_cpu_searcher({.threads = 1, .path = "avx1024", .machine_id = "m"});
        FAIL();
    } catch (const std::invalid_argument& refused) {
        EXPECT_STREQ(refused.what(),
                     "no CPU path is called \"avx1024\"; there are scalar, bmi2, avx2, avx512");
    }
}

}  // namespace
}  // namespace vigil::node
