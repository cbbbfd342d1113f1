#include "core/work/estimate.hpp"

#include <algorithm>
#include <array>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/multiprecision/cpp_int.hpp>
#include <cstring>
#include <limits>

#include "core/base/u128.hpp"
#include "core/work/pow_hash_many.hpp"

namespace vigil {
namespace {

using boost::multiprecision::uint512_t;  // fixed width: no allocation

constexpr std::uint64_t saturated = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t batch_size = 256;

std::uint64_t first_64_bits(const Hash& hash) {
    std::uint64_t word{};
    std::memcpy(&word, hash.bytes.data(), sizeof word);
    return __builtin_bswap64(word);
}

}  // namespace

std::uint64_t estimate_work(std::uint32_t k, const Hash& largest) {
    if (k < 2) return 0;
    uint512_t h;
    import_bits(h, largest.bytes.begin(), largest.bytes.end());
    const uint512_t work = (uint512_t{k - 1} << 256) / (h + 1);
    return work > saturated ? saturated : static_cast<std::uint64_t>(work);
}

std::uint64_t hash_rate(std::uint64_t work, Milliseconds elapsed) {
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(1, elapsed.count()));
    const u128 rate = u128{work} * 1000 / ms;
    return rate > saturated ? saturated : static_cast<std::uint64_t>(rate);
}

std::optional<Hash> largest_hash(const Challenge& challenge,
                                 std::span<const std::uint64_t> nonces) {
    if (nonces.empty()) return std::nullopt;
    std::array<Hash, batch_size> hashes;
    Hash largest;
    while (!nonces.empty()) {
        const std::size_t count = std::min(batch_size, nonces.size());
        const std::span<Hash> batch{hashes.data(), count};
        pow_hashes(challenge, nonces.first(count), batch);
        for (const Hash& hash : batch) {
            // Hardly ever equal, and comparing all bytes of each cost a fifth of the hashing.
            if (first_64_bits(hash) >= first_64_bits(largest)) largest = std::max(largest, hash);
        }
        nonces = nonces.subspan(count);
    }
    return largest;
}

Interval work_interval(std::uint32_t k, std::uint64_t work) {
    if (k < 2) return {};
    // W = (k−1)·2²⁵⁶/(H+1), so 2²⁵⁵/(H+1) = W / (2(k−1)).
    const double unit = static_cast<double>(work) / (2.0 * (k - 1));
    const boost::math::chi_squared distribution{2.0 * k};
    return {.lower = quantile(distribution, 0.025) * unit,
            .upper = quantile(distribution, 0.975) * unit};
}

}  // namespace vigil
