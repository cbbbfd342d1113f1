#include "node/scalar_lane.hpp"

namespace vigil::node {

Scanned scan_scalar(const ScanTask& task, std::uint64_t* found) {
    return scan_lanes<Lane>(task, found);
}

}  // namespace vigil::node
