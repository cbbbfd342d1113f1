#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.hpp"

namespace vigil {

struct Found {
    Hash hash;
    std::uint64_t nonce{};
    /// By hash, then nonce: a total order, so "the k smallest" is one set on every backend.
    friend auto operator<=>(const Found&, const Found&) = default;
};

/// Keeps the k smallest of everything offered (protocol 4.2). O(log k) an accepted offer, O(1) a refused one.
/// Not thread-safe: one per searching thread, merged at the end.
class BestK {
public:
    explicit BestK(std::uint32_t k);

    void offer(const Found& found);
    void merge(const BestK& other);

    std::uint32_t k() const { return k_; }
    bool full() const { return heap_.size() == k_; }
    /// The largest hash kept; all ones while not full. A hash above it can never enter.
    Hash threshold() const;
    /// First 64 bits of threshold(), big-endian: what kernels compare against (hash64 ≤ threshold64 is a candidate).
    std::uint64_t threshold64() const;
    /// Ascending by (hash, nonce).
    std::vector<Found> sorted() const;

private:
    std::uint32_t k_;
    std::vector<Found> heap_;  // max-heap
};

}  // namespace vigil
