#pragma once

#include <string>

#include "node/board.hpp"

namespace vigil::node {

/// The node's own page: an HTML document with the node's state at `now`, readable without a script,
/// asking nothing of other hosts. Everything that came from outside is escaped.
std::string status_page(const NodeStatus& status, Instant now);

}  // namespace vigil::node
