#include <bit>
#include <gtest/gtest.h>
#include <random>

#include "core/work/pow_hash.hpp"
#include "cuda/affine_tables.hpp"
#include "cuda/filters.hpp"

namespace vigil {
namespace {

std::uint64_t first64(const Hash& hash) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | hash.bytes[i];
    return out;
}

class CudaBodies : public testing::Test {
protected:
    CudaBodies() {
        for (auto& byte : challenge_.bytes) byte = static_cast<std::uint8_t>(random_());
    }

    std::random_device::result_type seed_{std::random_device{}()};
    std::mt19937_64 random_{seed_};
    Challenge challenge_;
};

/// What the kernels' words must be: lane 0 of the hash, whose first byte is the lowest.
std::uint64_t lane_of(const Challenge& challenge, std::uint64_t nonce) {
    return __builtin_bswap64(first64(pow_hash(challenge, nonce)));
}

TEST_F(CudaBodies, ComputeTheLaneTheyFilter) {
    SCOPED_TRACE(seed_);
    const cuda::AffineMap map{challenge_};
    cuda::BeforeChi before_chi;
    std::copy(map.before_chi().begin(), map.before_chi().end(), before_chi.lanes);
    const cuda::TurnFactors factors = cuda::turn_factors();
    for (int i = 0; i < 5'000; ++i) {
        const std::uint64_t a = random_(), b = random_();
        const std::uint64_t lane = lane_of(challenge_, a ^ b);
        const auto words = map.words(a), more = map.linear(b);
        ASSERT_EQ(hash_lane(before_chi, a ^ b).lo, static_cast<std::uint32_t>(lane));
        ASSERT_EQ(hash_lane(before_chi, a ^ b).hi, lane >> 32);
        ASSERT_EQ(even_bits(words, more, map.b13(), map.b14(), cuda::AluTurns{}),
                  interleaved(lane).even);
        ASSERT_EQ(even_bits(words, more, map.b13(), map.b14(), cuda::SharedTurns{factors}),
                  interleaved(lane).even);
    }
}

TEST_F(CudaBodies, TablesAndHighUnitsMakeEveryNonce) {
    SCOPED_TRACE(seed_);
    const cuda::AffineMap map{challenge_};
    const auto tables = affine_tables(map);
    for (const std::uint64_t first :
         {std::uint64_t{0}, random_(), ~std::uint64_t{0} - 12'000'000}) {
        const std::uint64_t first_unit = first / cuda::unit_nonces, units = 1'400;
        std::vector<cuda::AffineWords> high(
            static_cast<std::size_t>(cuda::high_unit_count(first_unit, units)));
        write_high_units(map, first_unit, high);
        for (int i = 0; i < 2'000; ++i) {
            const std::uint64_t nonce = first + random_() % (units * cuda::unit_nonces - 8'192);
            const std::uint64_t unit = nonce / cuda::unit_nonces;
            const auto thread = nonce % cuda::unit_nonces / cuda::thread_nonces;
            std::array<Interleaved, cuda::AffineTables::pairs> pairs{};
            for (std::size_t k = 0; k < pairs.size(); ++k) pairs[k] = tables->threads[k][thread];
            const auto words =
                std::bit_cast<cuda::AffineWords>(pairs) ^
                tables->iterations[nonce % cuda::thread_nonces] ^
                tables->units[unit % cuda::AffineTables::low_units] ^
                high.at(static_cast<std::size_t>(unit / cuda::AffineTables::low_units -
                                                 first_unit / cuda::AffineTables::low_units));
            const auto expected = map.words(nonce);
            ASSERT_EQ(std::memcmp(&words, &expected, sizeof words), 0) << nonce;
        }
    }
}

TEST_F(CudaBodies, FiltersPassEveryHitAndFewOthers) {
    for (unsigned zeros = 0; zeros <= 64; ++zeros) {
        const std::uint64_t threshold = zeros == 64 ? 0 : ~std::uint64_t{0} >> zeros;
        EXPECT_EQ(std::popcount(cuda::lower_word_filter(threshold)), std::min(zeros, 16U));
        EXPECT_EQ(std::popcount(cuda::even_bits_filter(threshold)), std::min(zeros / 2, 16U));
        for (int i = 0; i < 100; ++i) {
            const std::uint64_t hit = __builtin_bswap64(random_() & threshold);
            EXPECT_EQ(static_cast<std::uint32_t>(hit) & cuda::lower_word_filter(threshold), 0U);
            EXPECT_EQ(interleaved(hit).even & cuda::even_bits_filter(threshold), 0U);
        }
    }
}

TEST(SharedTurns, AnswerToAFactorThatIsRead) {
    const cuda::TurnFactors factors = cuda::turn_factors();
    const cuda::SharedTurns turns{factors};
    static_assert(cuda::SharedTurns::on_fma<0> && !cuda::SharedTurns::on_fma<12>);
    for (const std::uint32_t x : {0U, 1U, 0x80000000U, 0xdeadbeefU, ~0U}) {
        EXPECT_EQ((turns.turned<7, 0>(x)), std::rotl(x, 7));
        EXPECT_EQ((turns.turned<31, 0>(x)), std::rotl(x, 31));
        EXPECT_EQ((turns.turned<31, 12>(x)), std::rotl(x, 31));
    }
}

}  // namespace
}  // namespace vigil
