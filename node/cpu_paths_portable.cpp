#include <array>

#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {

std::span<const CpuPath> cpu_paths() {
    static constexpr std::array<CpuPath, 1> paths{
        {{"scalar", 1, scan_scalar, [] { return true; }}}};
    return paths;
}

}  // namespace vigil::node
