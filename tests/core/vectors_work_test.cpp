#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <gtest/gtest.h>

#include "core/uptime/judge.hpp"
#include "core/work/best_k.hpp"
#include "core/work/estimate.hpp"
#include "core/work/pow_hash.hpp"
#include "tests/core/vectors.hpp"

namespace vigil::test {
namespace {

using boost::multiprecision::cpp_int;

cpp_int number(const Hash& hash) {
    cpp_int out;
    import_bits(out, hash.bytes.begin(), hash.bytes.end());
    return out;
}

using WideNonce = FixedBytes<32, struct WideNonceTag>;

TEST(Vectors, LilypadTargets) {
    const Json vectors = load_vectors("lilypad_pow.json");
    for (const Json& target : vectors["difficulty"]) {
        SCOPED_TRACE(target["name"]);
        only_fields(target, {"name", "target_dec", "target_hex", "expected_hashes", "adjusted"});
        const cpp_int whole{target["target_dec"].get<std::string>()};
        EXPECT_EQ(number(fixed_of<Hash>(target["target_hex"])), whole);
        const double expected_hashes =
            static_cast<double>(cpp_int{1} << 256) / whole.convert_to<double>();
        EXPECT_NEAR(target["expected_hashes"].get<double>() / expected_hashes, 1.0, 1e-12);
        for (const auto& adjusted : target["adjusted"].items()) {
            only_fields(adjusted.value(), {"dec", "hex"});
            const cpp_int expected = whole * std::stoi(adjusted.key()) / 100;
            EXPECT_EQ(cpp_int{adjusted.value()["dec"].get<std::string>()}, expected);
            EXPECT_EQ(number(fixed_of<Hash>(adjusted.value()["hex"])), expected);
        }
    }
}

TEST(Vectors, LilypadHashes) {
    const Json vectors = load_vectors("lilypad_pow.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one["challenge_hex"]);
        only_fields(
            one, {"challenge_hex", "nonce_dec", "nonce_hex", "preimage_hex", "hash_hex", "hash_dec",
                  "passes_strict_less_than", "verified_with_independent_keccak"});
        EXPECT_TRUE(one["verified_with_independent_keccak"].get<bool>());
        const auto challenge = fixed_of<Challenge>(one["challenge_hex"]);
        const auto nonce = fixed_of<WideNonce>(one["nonce_hex"]);
        EXPECT_EQ(to_hex(challenge) + to_hex(nonce), one["preimage_hex"]);
        cpp_int nonce_number;
        import_bits(nonce_number, nonce.bytes.begin(), nonce.bytes.end());
        EXPECT_EQ(nonce_number.str(), one["nonce_dec"]);

        const Hash hash = pow_hash_wide(challenge, nonce.bytes);
        EXPECT_EQ(to_hex(hash), one["hash_hex"]);
        EXPECT_EQ(number(hash).str(), one["hash_dec"]);
        EXPECT_EQ(one["passes_strict_less_than"].size(), vectors["difficulty"].size());
        for (const Json& target : vectors["difficulty"]) {
            const Json& passes = one["passes_strict_less_than"][target["name"].get<std::string>()];
            EXPECT_FALSE(passes.empty());
            for (const auto& at : passes.items())
                EXPECT_EQ(hash < fixed_of<Hash>(target["adjusted"][at.key()]["hex"]),
                          at.value().get<bool>())
                    << target["name"] << " at " << at.key() << " %";
        }
    }
}

/// The k smallest of the range by sorting all of it: neither BestK nor a searcher.
std::vector<Found> smallest_by_sorting(const Challenge& challenge, std::uint64_t first,
                                       std::uint64_t count, std::size_t k) {
    std::vector<Found> all;
    all.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i)
        all.push_back({pow_hash(challenge, first + i), first + i});
    std::sort(all.begin(), all.end());
    all.resize(std::min(all.size(), k));
    return all;
}

TEST(Vectors, Proof) {
    const Json vectors = load_vectors("proof.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one["challenge"]);
        only_fields(one, {"challenge", "k", "first_nonce", "hashes_tried", "nonces", "largest_hash",
                          "work", "start_ms", "received_ms", "rate_hs"});
        const auto challenge = fixed_of<Challenge>(one["challenge"]);
        const auto k = static_cast<std::uint32_t>(u64_of(one["k"]));
        const std::uint64_t first = u64_of(one["first_nonce"]);
        const std::uint64_t tried = u64_of(one["hashes_tried"]);
        std::vector<std::uint64_t> nonces;
        for (const Json& nonce : one["nonces"]) nonces.push_back(u64_of(nonce));
        const auto start = static_cast<std::int64_t>(u64_of(one["start_ms"]));
        const auto received = static_cast<std::int64_t>(u64_of(one["received_ms"]));

        const auto smallest = smallest_by_sorting(challenge, first, tried, k);
        std::vector<std::uint64_t> expected;
        for (const Found& found : smallest) expected.push_back(found.nonce);
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(nonces, expected);
        EXPECT_TRUE(well_formed(nonces, k));
        BestK best{k};
        for (std::uint64_t i = 0; i < tried; ++i)
            best.offer({pow_hash(challenge, first + i), first + i});
        EXPECT_EQ(best.sorted(), smallest);

        const auto largest = largest_hash(challenge, nonces);
        ASSERT_TRUE(largest);
        EXPECT_EQ(to_hex(*largest), one["largest_hash"]);
        EXPECT_EQ(best.threshold(), *largest);
        const std::uint64_t work = estimate_work(k, *largest);
        EXPECT_EQ(work, u64_of(one["work"]));
        EXPECT_EQ(hash_rate(work, Milliseconds{received - start}), u64_of(one["rate_hs"]));

        const Check check{.device = {},
                          .kind = CheckKind::roll_call,
                          .ref = 0,
                          .challenge = challenge,
                          .start = instant_from_ms(start),
                          .deadline = instant_from_ms(received),
                          .k = k,
                          .theta = Ppm{700'000}};
        const Judgement judgement = judge(check, nonces, instant_from_ms(received), 1);
        EXPECT_EQ(judgement.verdict, Verdict::passed) << judgement.reason;
        EXPECT_EQ(judgement.work, u64_of(one["work"]));
        EXPECT_EQ(judgement.rate, u64_of(one["rate_hs"]));
    }
}

TEST(Vectors, Judge) {
    const Json vectors = load_vectors("judge.json");
    const Policy policy = policy_named("incentivenet-2024-10");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        only_fields(one, {"kind", "work", "start_ms", "received_ms", "deadline_ms", "baseline",
                          "verdict", "rate_hs"});
        const auto kind = static_cast<CheckKind>(u64_of(one["kind"]));
        const auto time = [&one](const char* field) {
            return instant_from_ms(static_cast<std::int64_t>(u64_of(one[field])));
        };
        const Check check{.device = {},
                          .kind = kind,
                          .ref = 0,
                          .challenge = {},
                          .start = time("start_ms"),
                          .deadline = time("deadline_ms"),
                          .k = policy.rule(kind).k,
                          .theta = policy.rule(kind).theta};
        const std::uint64_t work = u64_of(one["work"]);
        const Judgement judgement =
            judge_work(check, work, time("received_ms"), u64_of(one["baseline"]));
        EXPECT_EQ(to_string(judgement.verdict), one["verdict"]) << judgement.reason;
        EXPECT_EQ(judgement.rate, u64_of(one["rate_hs"]));
        EXPECT_EQ(judgement.work, judgement.verdict == Verdict::late ? 0 : work);
        EXPECT_EQ(judgement.baseline, u64_of(one["baseline"]));
        EXPECT_FALSE(judgement.reason.empty());
    }
}

TEST(Vectors, Baseline) {
    const Json vectors = load_vectors("baseline.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        only_fields(one, {"roll_call_rates", "calibration", "baseline"});
        std::vector<std::uint64_t> rates;
        for (const Json& rate : one["roll_call_rates"]) rates.push_back(u64_of(rate));
        std::optional<std::uint64_t> calibration;
        if (!one["calibration"].is_null()) calibration = u64_of(one["calibration"]);
        EXPECT_EQ(baseline(rates, calibration), u64_of(one["baseline"]));
    }
}

}  // namespace
}  // namespace vigil::test
