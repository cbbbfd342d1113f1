#pragma once

#include <string>

#include "verifier/web/directory.hpp"

namespace vigil::verifier::web {

/// The rows of `page` (what look_up() found for `wish`), for programs; at most 1,000 of them.
/// Amounts in micro-credits as text, rates in hashes per second.
std::string directory_json(const Fleet& fleet, const DirectoryWish& wish,
                           const DirectoryPage& page);
/// RFC 4180. A field that a spreadsheet would compute (it begins with = + - @) gets a ' in front,
/// for names are what anybody chose.
std::string directory_csv(const Fleet& fleet, const DirectoryWish& wish, const DirectoryPage& page);

}  // namespace vigil::verifier::web
