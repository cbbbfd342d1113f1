#include "core/crypto/keccak256.hpp"

#include <algorithm>
#include <bit>

#include "core/crypto/keccak_lanes.hpp"

namespace vigil {
namespace {

static_assert(std::endian::native == std::endian::little, "lanes are read by memcpy");

constexpr std::size_t rate_bytes = 136;

/// rho: the rotation of lane A[x + 5y].
constexpr std::array<int, 25> rotations = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                           25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};

struct Lane {
    std::uint64_t v;

    static constexpr bool has_xor3 = false;
    static Lane all(std::uint64_t word) { return {word}; }
};

template <int n>
Lane rol(Lane a) {
    return {std::rotl(a.v, n)};
}
Lane operator^(Lane a, Lane b) { return {a.v ^ b.v}; }
Lane xor3(Lane a, Lane b, Lane c) { return {a.v ^ b.v ^ c.v}; }
Lane chi(Lane a, Lane b, Lane c) { return {a.v ^ (~b.v & c.v)}; }

[[gnu::always_inline]] inline void permute(std::uint64_t (&lanes)[25]) {
    KeccakLanes<Lane> s;
    std::memcpy(s.a, lanes, sizeof s.a);
    for (const std::uint64_t round_constant : keccak_iota) s.round(round_constant);
    std::memcpy(lanes, s.a, sizeof s.a);
}

#if defined(__x86_64__)
/// With andn and rorx a permutation takes five cycles where it takes eight without.
[[gnu::target("bmi,bmi2")]] void permute_bmi2(std::uint64_t (&lanes)[25]) { permute(lanes); }

const bool has_bmi2 = __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#endif

void absorb(std::uint64_t (&lanes)[25], const std::uint8_t* block) {
    for (std::size_t i = 0; i < rate_bytes / 8; ++i) {
        std::uint64_t word{};
        std::memcpy(&word, block + 8 * i, 8);
        lanes[i] ^= word;
    }
    keccak_f1600_fast(lanes);
}

}  // namespace

const std::array<std::uint64_t, 24> keccak_round_constants = std::to_array(keccak_iota);

void keccak_f1600(std::array<std::uint64_t, 25>& a) {
    for (const std::uint64_t round_constant : keccak_round_constants) {
        std::array<std::uint64_t, 5> column{};
        for (std::size_t x = 0; x < 5; ++x)
            for (std::size_t y = 0; y < 5; ++y) column[x] ^= a[x + 5 * y];
        std::array<std::uint64_t, 25> b{};
        for (std::size_t x = 0; x < 5; ++x) {
            const std::uint64_t theta = column[(x + 4) % 5] ^ std::rotl(column[(x + 1) % 5], 1);
            for (std::size_t y = 0; y < 5; ++y)
                b[y + 5 * ((2 * x + 3 * y) % 5)] =
                    std::rotl(a[x + 5 * y] ^ theta, rotations[x + 5 * y]);
        }
        for (std::size_t y = 0; y < 5; ++y)
            for (std::size_t x = 0; x < 5; ++x)
                a[x + 5 * y] = b[x + 5 * y] ^ (~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y]);
        a[0] ^= round_constant;
    }
}

void keccak_f1600_fast(std::uint64_t (&lanes)[25]) {
#if defined(__x86_64__)
    if (has_bmi2) return permute_bmi2(lanes);
#endif
    permute(lanes);
}

Hash keccak256(ByteSpan message) {
    std::uint64_t lanes[25]{};
    while (message.size() >= rate_bytes) {
        absorb(lanes, message.data());
        message = message.subspan(rate_bytes);
    }
    std::array<std::uint8_t, rate_bytes> last{};
    std::copy(message.begin(), message.end(), last.begin());
    last[message.size()] = 0x01;
    last.back() |= 0x80;
    absorb(lanes, last.data());
    Hash out;
    std::memcpy(out.bytes.data(), lanes, Hash::size);
    return out;
}

}  // namespace vigil
