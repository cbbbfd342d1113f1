#include "core/base/require.hpp"

#include <cstdio>
#include <cstdlib>

namespace vigil {

void require(bool holds, std::string_view what, std::source_location where) {
    if (holds) [[likely]]
        return;
    std::fprintf(stderr, "%s:%u: %s: broken invariant: %.*s\n", where.file_name(),
                 static_cast<unsigned>(where.line()), where.function_name(),
                 static_cast<int>(what.size()), what.data());
    std::abort();
}

}  // namespace vigil
