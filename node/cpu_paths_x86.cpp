#include <array>

#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {

std::span<const CpuPath> cpu_paths() {
    static constexpr std::array<CpuPath, 3> paths{{
        {"scalar", 1, scan_scalar, [] { return true; }},
        {"avx2", 4, scan_avx2, [] { return __builtin_cpu_supports("avx2") != 0; }},
        {"avx512", 8, scan_avx512, [] { return __builtin_cpu_supports("avx512f") != 0; }},
    }};
    return paths;
}

}  // namespace vigil::node
