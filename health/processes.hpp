#pragma once

#include <cstdint>
#include <vector>

namespace vigil::health {

/// This process as drivers may know it.
struct Self {
    std::uint32_t pid{};
    bool has_other_number = false;  ///< in a container: outside it is known by another pid
};
Self this_process();

/// The others among the processes that a driver lists. In a container a driver may list this
/// process by a number that it cannot know: then, where its own is missing, one of those listed is
/// taken to be it, so that a node never waits for itself.
std::vector<std::uint32_t> without(const Self& self, std::vector<std::uint32_t> pids);

}  // namespace vigil::health
