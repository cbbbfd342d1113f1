#include <benchmark/benchmark.h>

#include "core/base/require.hpp"
#include "core/crypto/ed25519.hpp"
#include "core/uptime/judge.hpp"
#include "core/work/estimate.hpp"
#include "core/work/proof.hpp"
#include "node/clock_rate.hpp"

// What a verifier spends on one answer: its signature and the hashing of its nonces.
namespace vigil::bench {
namespace {

Proof proof_of(std::uint32_t k) {
    Proof out;
    out.challenge.bytes = {1, 2, 3};
    for (std::uint64_t i = 0; i < k; ++i) out.nonces.push_back(i * 0x0001'2345'6789'abcd);
    return out;
}

Check check_of(const Proof& proof, std::uint32_t k) {
    Check out{};
    out.kind = CheckKind::roll_call;
    out.challenge = proof.challenge;
    out.start = instant_from_ms(0);
    out.deadline = instant_from_ms(32'000);
    out.k = k;
    return out;
}

void judge_an_answer(benchmark::State& state) {
    const auto k = static_cast<std::uint32_t>(state.range(0));
    const Answer answer{{proof_of(k)}};
    const Check check = check_of(answer.proofs[0], k);
    const NetworkId network{};
    const SigningKey key{KeySeed{}};
    const VerifyingKey verifying{key.public_key()};
    const Signature signature = key.sign(signed_bytes(network, answer));

    constexpr int answers = 20;
    node::CycleCost cost{node::thread_cpu_seconds};
    for (auto _ : state) {
        state.SetIterationTime(cost.sample(answers, [&] {
            for (int i = 0; i < answers; ++i) {
                require(verifying.verifies(signed_bytes(network, answer), signature),
                        "the answer is signed");
                benchmark::DoNotOptimize(
                    judge(check, answer.proofs[0].nonces, instant_from_ms(21'000), 0));
            }
        }));
    }
    state.counters["us/answer"] = cost.seconds() * 1e6;
    state.counters["cycles/answer"] = cost.cycles();
}
BENCHMARK(judge_an_answer)->Arg(64)->Arg(256)->UseManualTime()->Iterations(101);

/// What of it is hashing.
void hashes_of_an_answer(benchmark::State& state) {
    const Proof proof = proof_of(static_cast<std::uint32_t>(state.range(0)));
    constexpr int answers = 100;
    node::CycleCost cost{node::thread_cpu_seconds};
    for (auto _ : state) {
        state.SetIterationTime(cost.sample(answers, [&] {
            for (int i = 0; i < answers; ++i)
                benchmark::DoNotOptimize(largest_hash(proof.challenge, proof.nonces));
        }));
    }
    const auto hashes = static_cast<double>(state.range(0));
    state.counters["us/answer"] = cost.seconds() * 1e6;
    state.counters["cycles/hash"] = cost.cycles() / hashes;
    state.counters["cycles/hash best tenth"] = cost.cycles(0.1) / hashes;
    state.counters["GHz"] = cost.cycles() / cost.seconds() * 1e-9;
}
BENCHMARK(hashes_of_an_answer)->Arg(64)->Arg(256)->UseManualTime()->Iterations(1001);

}  // namespace
}  // namespace vigil::bench

BENCHMARK_MAIN();
