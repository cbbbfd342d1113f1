#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>
#include <limits>
#include <random>

#include "core/work/best_k.hpp"
#include "core/work/estimate.hpp"
#include "core/work/first_round.hpp"
#include "core/work/gpu_uid.hpp"
#include "core/work/pow_hash.hpp"
#include "core/work/pow_hash_many.hpp"
#include "core/work/proof.hpp"
#include "core/work/searcher.hpp"

namespace vigil {
namespace {

using boost::multiprecision::cpp_int;
constexpr std::uint64_t last_nonce = std::numeric_limits<std::uint64_t>::max();

class Work : public ::testing::Test {
protected:
    template <class Fixed>
    Fixed any() {
        Fixed out;
        for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(random());
        return out;
    }

    const std::uint64_t seed = std::random_device{}();
    const ::testing::ScopedTrace trace{__FILE__, __LINE__, "seed " + std::to_string(seed)};
    std::mt19937_64 random{seed};
};

TEST_F(Work, NarrowNonceIsTheWideOneWithLeadingZeros) {
    const auto challenge = any<Challenge>();
    for (const std::uint64_t nonce :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63, last_nonce, random()}) {
        std::array<std::uint8_t, 32> wide{};
        for (std::size_t i = 0; i < 8; ++i)
            wide[31 - i] = static_cast<std::uint8_t>(nonce >> 8 * i);
        EXPECT_EQ(pow_hash(challenge, nonce), pow_hash_wide(challenge, wide));
    }
}

TEST_F(Work, BatchHashesAreTheSingleOnes) {
    const auto challenge = any<Challenge>();
    for (std::size_t count = 0; count <= 40; ++count) {
        std::vector<std::uint64_t> nonces(count);
        std::generate(nonces.begin(), nonces.end(), [this] { return random(); });
        std::vector<Hash> hashes(count);
        pow_hashes(challenge, nonces, hashes);
        for (std::size_t i = 0; i < count; ++i)
            ASSERT_EQ(hashes[i], pow_hash(challenge, nonces[i]));
    }
}

TEST(Avx512, EightHashesAreTheSingleOnes) {
    if (!detail::has_avx512()) GTEST_SKIP() << "SKIPPED: this processor has no AVX-512";
    const std::uint64_t nonces[8] = {0,         1, 255, 256, 1ULL << 32, 1ULL << 63, last_nonce - 1,
                                     last_nonce};
    Challenge challenge;
    for (std::size_t i = 0; i < 32; ++i) challenge.bytes[i] = static_cast<std::uint8_t>(7 * i + 1);
    std::array<Hash, 8> hashes;
    detail::pow_hashes_avx512(state_before_chi(challenge).data(), nonces, hashes[0].bytes.data(),
                              8);
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(hashes[i], pow_hash(challenge, nonces[i]));
}

TEST_F(Work, LargestHashIsTheMaximum) {
    const auto challenge = any<Challenge>();
    EXPECT_EQ(largest_hash(challenge, {}), std::nullopt);
    for (const std::size_t count : {1U, 7U, 8U, 63U, 64U, 65U, 256U, 257U, 600U}) {
        std::vector<std::uint64_t> nonces(count);
        std::generate(nonces.begin(), nonces.end(), [this] { return random(); });
        Hash expected;
        for (const std::uint64_t nonce : nonces)
            expected = std::max(expected, pow_hash(challenge, nonce));
        EXPECT_EQ(largest_hash(challenge, nonces), expected);
    }
}

TEST_F(Work, EstimateIsTheExactFloor) {
    for (int i = 0; i < 5'000; ++i) {
        auto hash = any<Hash>();
        const std::size_t zeros =
            random() % 9;  // 8 zero bytes are 2^64 hashes: the edge of saturation
        std::fill_n(hash.bytes.begin(), zeros, std::uint8_t{0});
        const auto k = static_cast<std::uint32_t>(2 + random() % 4'095);
        cpp_int h;
        import_bits(h, hash.bytes.begin(), hash.bytes.end());
        const cpp_int exact = (cpp_int{k - 1} << 256) / (h + 1);
        const cpp_int expected = std::min<cpp_int>(exact, last_nonce);
        ASSERT_EQ(cpp_int{estimate_work(k, hash)}, expected) << to_hex(hash) << " k " << k;
    }
}

TEST(Estimate, Edges) {
    Hash ones;
    ones.bytes.fill(0xff);
    EXPECT_EQ(estimate_work(0, ones), 0U);
    EXPECT_EQ(estimate_work(1, ones), 0U);
    EXPECT_EQ(estimate_work(2, ones), 1U);
    EXPECT_EQ(estimate_work(256, ones), 255U);
    EXPECT_EQ(estimate_work(2, Hash{}), last_nonce);
    EXPECT_EQ(estimate_work(std::numeric_limits<std::uint32_t>::max(), Hash{}), last_nonce);

    // 2^256 / 2^192 = 2^64 saturates; 2^256 / (2^192 + 1) = 2^64 − 1 exactly does not need to.
    Hash edge;
    std::fill(edge.bytes.begin() + 8, edge.bytes.end(), std::uint8_t{0xff});
    EXPECT_EQ(estimate_work(2, edge), last_nonce);
    Hash above;
    above.bytes[7] = 1;
    above.bytes[8] = 1;
    EXPECT_LT(estimate_work(2, above), last_nonce);
}

TEST(Rate, FloorsSaturatesAndNeverDividesByZero) {
    EXPECT_EQ(hash_rate(1'149, Milliseconds{2'300}), 499U);
    EXPECT_EQ(hash_rate(7, Milliseconds{0}), 7'000U);
    EXPECT_EQ(hash_rate(7, Milliseconds{-5}), 7'000U);
    EXPECT_EQ(hash_rate(last_nonce, Milliseconds{1}), last_nonce);
    EXPECT_EQ(hash_rate(last_nonce, Milliseconds{1'000}), last_nonce);
    EXPECT_EQ(hash_rate(last_nonce, Milliseconds{1'001}), 18'428'315'757'951'600'014U);
}

TEST(WorkInterval, QuantilesOfTheTables) {
    // χ² at 0.025 and 0.975 for 4, 20 and 100 degrees of freedom, from printed tables.
    const auto expect = [](std::uint32_t k, double lower, double upper) {
        const std::uint64_t work = 2ULL * (k - 1) * 1'000'000'000;
        const Interval interval = work_interval(k, work);
        EXPECT_NEAR(interval.lower / 1e9, lower, 5e-4);
        EXPECT_NEAR(interval.upper / 1e9, upper, 5e-4);
    };
    expect(2, 0.4844, 11.1433);
    expect(10, 9.5908, 34.1696);
    expect(50, 74.2219, 129.5612);
    EXPECT_EQ(work_interval(1, 1'000).upper, 0.0);
}

TEST_F(Work, BestKKeepsTheSmallest) {
    for (const std::uint32_t k : {1U, 2U, 7U, 64U}) {
        std::vector<Found> all;
        BestK one{k};
        BestK left{k};
        BestK right{k};
        for (int i = 0; i < 500; ++i) {
            Found found{.hash = {}, .nonce = random()};
            found.hash.bytes[0] =
                static_cast<std::uint8_t>(random() % 16);  // many ties: the nonce decides
            all.push_back(found);
            one.offer(found);
            (i % 3 == 0 ? left : right).offer(found);
            ASSERT_EQ(one.full(), all.size() >= k);
        }
        std::sort(all.begin(), all.end());
        all.resize(k);
        left.merge(right);
        EXPECT_EQ(one.sorted(), all);
        EXPECT_EQ(left.sorted(), all);
        EXPECT_EQ(one.threshold(), all.back().hash);
    }
}

TEST(BestK, ThresholdIsAllOnesUntilFull) {
    BestK best{2};
    best.offer({.hash = {}, .nonce = 1});
    EXPECT_EQ(to_hex(best.threshold()), std::string(64, 'f'));
    EXPECT_EQ(best.threshold64(), last_nonce);
    Hash hash;
    hash.bytes[7] = 9;
    best.offer({.hash = hash, .nonce = 2});
    EXPECT_EQ(best.threshold64(), 9U);
}

class ProofEncoding : public Work {
protected:
    Answer any_answer(std::size_t proofs) {
        Answer answer;
        for (std::size_t i = 0; i < proofs; ++i) {
            Proof proof{any<DeviceId>(), any<Challenge>(), {}, random()};
            for (std::size_t n = random() % 5; n > 0; --n) proof.nonces.push_back(random());
            answer.proofs.push_back(proof);
        }
        return answer;
    }
    const NetworkId network = any<NetworkId>();
};

TEST_F(ProofEncoding, RoundTrip) {
    for (std::size_t proofs = 0; proofs < 5; ++proofs) {
        const Answer answer = any_answer(proofs);
        const ByteVector bytes = signed_bytes(network, answer);
        EXPECT_EQ(answer_from_signed_bytes(network, bytes), answer);
    }
}

TEST_F(ProofEncoding, LayoutIsTheProtocols) {
    const Answer answer{{{any<DeviceId>(), any<Challenge>(), {1, 2}, 7}}};
    const std::string tag =
        "766967696c2f616e737765722f7631" + std::string(34, '0');  // "vigil/answer/v1"
    const std::string expected = tag + to_hex(network) + "00000001" +
                                 to_hex(answer.proofs[0].device) +
                                 to_hex(answer.proofs[0].challenge) + "00000002" +
                                 "0000000000000001" + "0000000000000002" + "0000000000000007";
    EXPECT_EQ(to_hex(signed_bytes(network, answer)), expected);
    const AnswerId id = answer_id(signed_bytes(network, answer));
    EXPECT_EQ(to_hex(receipt_bytes(network, id, instant_from_ms(258))),
              "766967696c2f726563656970742f7631" + std::string(32, '0') + to_hex(network) +
                  to_hex(id) + "0000000000000102");
}

TEST_F(ProofEncoding, EveryPrefixAndEverySuffixIsRefused) {
    const ByteVector bytes = signed_bytes(network, any_answer(2));
    for (std::size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(answer_from_signed_bytes(network, ByteSpan{bytes}.first(length))) << length;
    ByteVector longer = bytes;
    longer.push_back(0);
    const auto answer = answer_from_signed_bytes(network, longer);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), "1 bytes follow the last proof");
}

TEST_F(ProofEncoding, RefusalsSayWhere) {
    const ByteVector bytes = signed_bytes(network, any_answer(1));
    const auto error_of = [this](const ByteVector& changed) {
        const auto answer = answer_from_signed_bytes(network, changed);
        return answer ? std::string{"accepted"} : answer.error();
    };
    ByteVector other_tag = bytes;
    other_tag[0] = 'V';
    EXPECT_NE(error_of(other_tag).find("tag vigil/answer/v1"), std::string::npos);
    ByteVector other_network = bytes;
    other_network[32] ^= 1;
    EXPECT_NE(error_of(other_network).find("the answer is for network"), std::string::npos);
    ByteVector many_proofs = bytes;
    std::fill_n(many_proofs.begin() + 64, 4, std::uint8_t{0xff});
    EXPECT_EQ(error_of(many_proofs), "the bytes end inside proof 2 of 4294967295");
    ByteVector many_nonces = bytes;
    std::fill_n(many_nonces.begin() + 132, 4, std::uint8_t{0xff});
    EXPECT_EQ(error_of(many_nonces), "the bytes end inside proof 1 of 1");
}

TEST(Backend, HasAName) {
    EXPECT_EQ(to_string(Backend::cpu), "cpu");
    EXPECT_EQ(to_string(Backend::opencl), "opencl");
    EXPECT_EQ(to_string(Backend::cuda), "cuda");
}

TEST(GpuUid, IsWrittenAsNvmlWritesIt) {
    const std::array<std::uint8_t, 16> uuid{0x5f, 0x1c, 0x00, 0xff, 0x10, 0x32, 0x54, 0x76,
                                            0x98, 0xba, 0xdc, 0xfe, 0x01, 0x23, 0x45, 0x67};
    EXPECT_EQ(gpu_uid(uuid), "GPU-5f1c00ff-1032-5476-98ba-dcfe01234567");
}

}  // namespace
}  // namespace vigil
