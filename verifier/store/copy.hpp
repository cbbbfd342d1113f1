#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

struct CopyProgress {
    std::string table;
    std::int64_t rows{}, of_rows{};  ///< of all tables together
};

/// Copies a whole store into another, each at a place as open_store_at() takes it; the engines may
/// differ. Holds a few hundred rows in memory. Ended at any point, it goes on where it was when it
/// is called again with the same source, on which nothing may have run since; until it has
/// succeeded no verifier accepts the target. Before it has, `verify`
/// is shown the target, which has as many rows in every table as the source; it throws to refuse.
///
/// Throws StoreFailed for a source that a verifier is running on, a target that holds anything
/// else (part of a copy of another source, or that an older program began), and what either engine
/// cannot do; StoreLocked, StoreTooNew. Returns the rows of each
/// table.
std::vector<std::pair<std::string, std::int64_t>> copy_store(
    const std::string& from, const std::string& to, const std::function<void(Reader&)>& verify,
    const std::function<void(const CopyProgress&)>& progress);

}  // namespace vigil::verifier
