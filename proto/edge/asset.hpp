#pragma once

#include <string_view>

namespace vigil::edge {

/// A file that pages refer to, inside the program.
struct Asset {
    std::string_view name;
    std::string_view content_type;
    std::string_view version;  ///< of its content
    std::string_view text;
};

}  // namespace vigil::edge
