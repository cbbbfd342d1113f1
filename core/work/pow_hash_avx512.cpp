#include "core/crypto/keccak_lanes.hpp"
#include "core/work/pow_hash_many.hpp"

#if defined(__x86_64__) && defined(__AVX512F__)
#include "core/crypto/lane_avx512.hpp"

namespace vigil::detail {
namespace {

using Lane = LaneAvx512;

/// Round 0 from chi on: what theta, rho and pi of a zero nonce made, and the 11 lanes that a nonce
/// reaches (first_round.hpp).
[[gnu::always_inline]] inline void first_round(KeccakLanes<Lane>& s,
                                               const std::uint64_t* before_chi, Lane nonce) {
    const auto k = [before_chi](int i) __attribute__((always_inline)) {
        return Lane::all(before_chi[i]);
    };
    s.chi_row<0>(k(0), k(1) ^ rol<45>(nonce), k(2), k(3) ^ rol<21>(nonce), k(4));
    s.a[0] = s.a[0] ^ Lane::all(keccak_iota[0]);
    s.chi_row<1>(k(5) ^ rol<28>(nonce), k(6), k(7), k(8) ^ rol<46>(nonce), k(9));
    s.chi_row<2>(k(10) ^ rol<2>(nonce), k(11) ^ rol<6>(nonce), k(12) ^ rol<25>(nonce), k(13),
                 k(14));
    s.chi_row<3>(k(15), k(16), k(17) ^ rol<11>(nonce), k(18), k(19) ^ rol<56>(nonce));
    s.chi_row<4>(k(20), k(21) ^ rol<55>(nonce), k(22), k(23), k(24) ^ rol<3>(nonce));
}

}  // namespace

void pow_hashes_avx512(const std::uint64_t* before_chi, const std::uint64_t* nonces,
                       std::uint8_t* out, std::size_t count) {
    for (std::size_t at = 0; at < count; at += 8) {
        const std::size_t here = count - at < 8 ? count - at : 8;
        std::uint64_t swapped[8] = {};
        for (std::size_t i = 0; i < here; ++i) swapped[i] = __builtin_bswap64(nonces[at + i]);

        KeccakLanes<Lane> s;
        first_round(s, before_chi, Lane{_mm512_loadu_si512(swapped)});
#pragma GCC unroll 22
        for (int round = 1; round < 23; ++round) s.round(keccak_iota[round]);
        Lane hash[4];
        s.last_round(hash);

        std::uint64_t columns[4][8];
        for (int word = 0; word < 4; ++word) _mm512_storeu_si512(columns[word], hash[word].v);
        for (std::size_t i = 0; i < here; ++i) {
            for (int word = 0; word < 4; ++word)
                __builtin_memcpy(out + 32 * (at + i) + 8 * word, &columns[word][i], 8);
        }
    }
}

bool has_avx512() { return __builtin_cpu_supports("avx512f") != 0; }

}  // namespace vigil::detail

#else

namespace vigil::detail {

void pow_hashes_avx512(const std::uint64_t*, const std::uint64_t*, std::uint8_t*, std::size_t) {
    __builtin_trap();
}
bool has_avx512() { return false; }

}  // namespace vigil::detail

#endif
