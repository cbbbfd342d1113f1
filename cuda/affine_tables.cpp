#include "cuda/affine_tables.hpp"

#include <bit>
#include <cstring>

#include "core/work/first_round.hpp"

namespace vigil::cuda {
namespace {

using Words = std::array<std::uint32_t, AffineWords::size>;

AffineWords words_of(const std::array<std::uint64_t, 25>& before_chi, std::uint64_t nonce) {
    auto b = before_chi;
    const std::uint64_t lane = __builtin_bswap64(nonce);
    for (const NonceTurn& turn : nonce_turns)
        b[turn.lane] ^= std::rotl(lane, static_cast<int>(turn.left));

    AffineWords out{};
    std::array<std::uint64_t, 5> parities{};
    std::size_t affine = 0;
    for (std::size_t i = 0; i < 25; ++i) {
        if (i == 10 || i == 11 || i == 14) continue;
        const std::size_t row = i / 5 * 5;
        std::uint64_t after = b[i] ^ (~b[row + (i + 1) % 5] & b[row + (i + 2) % 5]);
        if (i == 0) after ^= keccak_iota[0];
        parities[i % 5] ^= after;
        out.lanes[affine++] = interleaved(after);
    }
    for (std::size_t i = 0; i < 3; ++i) out.before_chi[i] = interleaved(b[10 + i]);
    for (std::size_t i = 0; i < 5; ++i) out.parities[i] = interleaved(parities[i]);
    return out;
}

}  // namespace

AffineMap::AffineMap(const Challenge& challenge)
    : before_chi_{state_before_chi(challenge)}, zero_{words_of(before_chi_, 0)} {}

AffineWords AffineMap::words(std::uint64_t nonce) const { return words_of(before_chi_, nonce); }

AffineWords AffineMap::linear(std::uint64_t nonce) const { return words(nonce) ^ zero_; }

AffineWords operator^(const AffineWords& a, const AffineWords& b) {
    auto out = std::bit_cast<Words>(a);
    const auto other = std::bit_cast<Words>(b);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= other[i];
    return std::bit_cast<AffineWords>(out);
}

std::unique_ptr<AffineTables> affine_tables(const AffineMap& map) {
    auto out = std::make_unique<AffineTables>();
    for (unsigned thread = 0; thread < block_threads; ++thread) {
        const AffineWords words = map.linear(std::uint64_t{thread} * thread_nonces);
        const auto pairs = std::bit_cast<std::array<Interleaved, AffineTables::pairs>>(words);
        for (std::size_t i = 0; i < pairs.size(); ++i) out->threads[i][thread] = pairs[i];
    }
    for (unsigned i = 0; i < thread_nonces; ++i) out->iterations[i] = map.linear(i);
    for (unsigned i = 0; i < AffineTables::low_units; ++i)
        out->units[i] = map.linear(std::uint64_t{i} * unit_nonces);
    return out;
}

std::uint64_t high_unit_count(std::uint64_t first_unit, std::uint64_t units) {
    return (first_unit + units - 1) / AffineTables::low_units -
           first_unit / AffineTables::low_units + 1;
}

void write_high_units(const AffineMap& map, std::uint64_t first_unit, std::span<AffineWords> out) {
    std::uint64_t high = first_unit / AffineTables::low_units;
    for (AffineWords& words : out)
        words = map.words(high++ * AffineTables::low_units * unit_nonces);
}

TurnFactors turn_factors() {
    TurnFactors out{};
    for (unsigned n = 0; n < 32; ++n) out.powers[n] = std::uint32_t{1} << n;
    out.one = 1;
    return out;
}

}  // namespace vigil::cuda
