#include "core/crypto/lane_avx512.hpp"
#include "node/cpu_searcher_scan.hpp"

namespace vigil::node {

Scanned scan_avx512(const ScanTask& task, std::uint64_t* found) {
    return scan_lanes<LaneAvx512>(task, found);
}

}  // namespace vigil::node
