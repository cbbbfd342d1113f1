#include "node/searchers.hpp"

#include <algorithm>
#include <string_view>

#include "node/cpu_searcher.hpp"

namespace vigil::node {

FoundSearchers find_searchers(const SearcherOptions& options) {
    FoundSearchers found;
    found.searchers.push_back(make_cpu_searcher(
        {.threads = options.cpu_threads, .path = "", .machine_id = options.machine_id}));
    found.notes.emplace_back(
        "no GPU found: hashing on the CPU; networks usually pay little for that");
    return found;
}

}  // namespace vigil::node
