#pragma once

#include "core/base/bytes.hpp"
#include "node/search_lanes.hpp"

namespace vigil::node {

/// What all hashes of a challenge share; about 10 µs.
FirstRound first_round_of(const Challenge& challenge);

}  // namespace vigil::node
