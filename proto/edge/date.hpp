#pragma once

#include <string_view>

namespace vigil::edge {

/// Whether this is a day of the calendar, written as "2026-12-01".
bool is_date(std::string_view text);

}  // namespace vigil::edge
