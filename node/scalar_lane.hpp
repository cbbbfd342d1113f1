#pragma once

#include "node/cpu_searcher_scan.hpp"

/// One nonce at a time. In an unnamed namespace on purpose: each unit that includes it compiles it for its own
/// instruction set (see search_lanes.hpp).
namespace vigil::node {
namespace {

struct Lane {
    std::uint64_t v;

    static constexpr unsigned width = 1;
    static constexpr bool has_xor3 = false;
    static Lane all(std::uint64_t x) { return {x}; }
    static Lane load(const std::uint64_t* from) { return {*from}; }
    void store(std::uint64_t* to) const { *to = v; }
    bool any_equal(std::uint64_t mask, std::uint64_t want) const { return (v & mask) == want; }
};

template <int n>
Lane rol(Lane a) {
    return {a.v << n | a.v >> (64 - n)};
}
Lane operator^(Lane a, Lane b) { return {a.v ^ b.v}; }
Lane xor3(Lane a, Lane b, Lane c) { return {a.v ^ b.v ^ c.v}; }
Lane chi(Lane a, Lane b, Lane c) { return {a.v ^ (~b.v & c.v)}; }

}  // namespace

}  // namespace vigil::node
