#include "core/crypto/keccak_permutation.hpp"
#include "core/work/pow_hash_many.hpp"

#if defined(__x86_64__) && defined(__AVX512F__)
#include <immintrin.h>

namespace vigil::detail {
namespace {

struct EightStates {
    using Lane = __m512i;
    static Lane parity(Lane a, Lane b, Lane c, Lane d, Lane e) {
        return _mm512_ternarylogic_epi64(_mm512_ternarylogic_epi64(a, b, c, 0x96), d, e, 0x96);
    }
    static Lane mix(Lane a, Lane b) { return _mm512_xor_si512(a, b); }
    template <int n>
    static Lane rotate(Lane a) {
        return _mm512_rol_epi64(a, n);
    }
    static Lane chi(Lane a, Lane b, Lane c) { return _mm512_ternarylogic_epi64(a, b, c, 0xd2); }
    static Lane constant(std::uint64_t word) {
        return _mm512_set1_epi64(static_cast<long long>(word));
    }
};

std::uint64_t load_word(const std::uint8_t* from) {
    std::uint64_t word{};
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

}  // namespace

void pow_hashes_avx512(const std::uint8_t* challenge, const std::uint64_t* nonces,
                       std::uint8_t* out) {
    std::uint64_t swapped[8];
    for (int i = 0; i < 8; ++i) swapped[i] = __builtin_bswap64(nonces[i]);

    __m512i a[25];
    for (__m512i& lane : a) lane = _mm512_setzero_si512();
    for (int i = 0; i < 4; ++i) a[i] = EightStates::constant(load_word(challenge + 8 * i));
    a[7] = _mm512_loadu_si512(swapped);
    a[8] = EightStates::constant(1);
    a[16] = EightStates::constant(std::uint64_t{1} << 63);
    keccak_permute<EightStates>(a);

    for (int word = 0; word < 4; ++word) {
        std::uint64_t column[8];
        _mm512_storeu_si512(column, a[word]);
        for (int i = 0; i < 8; ++i) __builtin_memcpy(out + 32 * i + 8 * word, &column[i], 8);
    }
}

bool has_avx512() { return __builtin_cpu_supports("avx512f") != 0; }

}  // namespace vigil::detail

#else

namespace vigil::detail {

void pow_hashes_avx512(const std::uint8_t*, const std::uint64_t*, std::uint8_t*) {
    __builtin_trap();
}
bool has_avx512() { return false; }

}  // namespace vigil::detail

#endif
