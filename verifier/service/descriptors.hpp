#pragma once

#include <cstddef>

namespace vigil::verifier {

/// How many files and connections this process may have open at a time (RLIMIT_NOFILE, soft).
std::size_t descriptors_allowed();

/// Raises that to what the system lets the process have (the hard limit). Shells and containers
/// begin with 1,024, for programs that use select(), which nothing here does. What is in force now.
std::size_t allow_all_descriptors();

/// Of so many, those that wait at the Door may take: a quarter, 8,192 at most.
std::size_t descriptors_at_the_door(std::size_t allowed);

/// The nodes that can be connected at a time with so many: what waits at the door, connections
/// of HTTP, and files are beside them.
std::size_t nodes_carried(std::size_t allowed);
/// Of one address, at most: half of these, at least 16.
std::size_t descriptors_of_an_address(std::size_t allowed);
/// The fewest, in round thousands, that carry so many nodes.
std::size_t descriptors_for(std::size_t nodes);

}  // namespace vigil::verifier
