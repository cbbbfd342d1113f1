#include "core/base/require.hpp"

#include <cstdio>
#include <cstdlib>

namespace vigil {

void require(bool holds, std::string_view what, CallSite where) {
    if (holds) [[likely]]
        return;
    std::fprintf(stderr, "%s:%d: %s: broken invariant: %.*s\n", where.file, where.line,
                 where.function, static_cast<int>(what.size()), what.data());
    std::abort();
}

}  // namespace vigil
