#include "core/work/best_k.hpp"

#include <algorithm>

#include "core/base/require.hpp"

namespace vigil {
namespace {

constexpr std::size_t most_reserved = 4096;  // the largest k a policy allows

}  // namespace

BestK::BestK(std::uint32_t k) : k_{k} {
    require(k > 0, "the k smallest of nothing are not a search");
    heap_.reserve(std::min<std::size_t>(k, most_reserved));
}

void BestK::offer(const Found& found) {
    if (full()) {
        if (!(found < heap_.front())) return;
        std::pop_heap(heap_.begin(), heap_.end());
        heap_.back() = found;
    } else {
        heap_.push_back(found);
    }
    std::push_heap(heap_.begin(), heap_.end());
}

void BestK::merge(const BestK& other) {
    for (const Found& found : other.sorted()) offer(found);
}

Hash BestK::threshold() const {
    if (full()) return heap_.front().hash;
    Hash ones;
    ones.bytes.fill(0xff);
    return ones;
}

std::uint64_t BestK::threshold64() const {
    std::uint64_t out{};
    const Hash limit = threshold();
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | limit.bytes[i];
    return out;
}

std::vector<Found> BestK::sorted() const {
    std::vector<Found> out = heap_;
    std::sort_heap(out.begin(), out.end());
    return out;
}

}  // namespace vigil
