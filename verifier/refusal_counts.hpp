#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "proto/messages.hpp"

namespace vigil::verifier {

/// How often each reason was given since the start. Any thread.
class RefusalCounts {
public:
    void count(wire::RefusalReason reason) { ++of(reason); }
    std::uint64_t get(wire::RefusalReason reason) const {
        return counts_.at(static_cast<std::size_t>(reason));
    }

private:
    std::atomic<std::uint64_t>& of(wire::RefusalReason reason) {
        return counts_.at(static_cast<std::size_t>(reason));
    }
    std::array<std::atomic<std::uint64_t>, wire::refusal_reasons + 1> counts_{};
};

}  // namespace vigil::verifier
