#include "node/scalar_lane.hpp"

namespace vigil::node {

/// With an instruction for ~b & c and one that rotates into another register, a third less work.
Scanned scan_bmi2(const ScanTask& task, std::uint64_t* found) {
    return scan_lanes<Lane>(task, found);
}

}  // namespace vigil::node
