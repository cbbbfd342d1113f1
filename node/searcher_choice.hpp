#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/work/searcher.hpp"
#include "node/searchers.hpp"

namespace vigil::node {

/// A device that could be used.
struct Candidate {
    DeviceDescription device;
    bool is_gpu{};
};

struct Choice {
    std::vector<std::size_t>
        used;  ///< places in the candidates, CUDA's first, then OpenCL's, then the CPU
    std::vector<std::string> notes;
};

/// The rule of find_searchers, without devices.
Choice choose(const std::vector<Candidate>& candidates, const SearcherOptions& options);

}  // namespace vigil::node
