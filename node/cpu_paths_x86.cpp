#include <array>

#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {

std::span<const CpuPath> cpu_paths() {
    static constexpr std::array<CpuPath, 4> paths{{
        {"scalar", 1, scan_scalar, [] { return true; }},
        {"bmi2", 1, scan_bmi2,
         [] { return __builtin_cpu_supports("bmi") != 0 && __builtin_cpu_supports("bmi2") != 0; }},
        {"avx2", 4, scan_avx2, [] { return __builtin_cpu_supports("avx2") != 0; }},
        {"avx512", 8, scan_avx512, [] { return __builtin_cpu_supports("avx512f") != 0; }},
    }};
    return paths;
}

}  // namespace vigil::node
