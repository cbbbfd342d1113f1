#pragma once

#include <string_view>

namespace vigil {

/// Where a call was written. std::source_location once every compiler we build with has it.
struct CallSite {
    const char* file;
    int line;
    const char* function;
    static constexpr CallSite here(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                   const char* function = __builtin_FUNCTION()) {
        return {file, line, function};
    }
};

/// States an invariant. Always on; a broken one prints where and what, and aborts: a verifier that
/// has lost track of its own state must not go on deciding about money.
void require(bool holds, std::string_view what, CallSite where = CallSite::here());

}  // namespace vigil
