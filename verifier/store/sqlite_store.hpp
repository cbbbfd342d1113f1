#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What open_sqlite_store() does not let its caller choose; tests do.
struct SqliteSettings {
    std::string path;  ///< or ":memory:"
    std::size_t readers = 8;
    std::int64_t max_pages = 0;           ///< a full disk on demand; 0: as many as fit
    std::function<Instant()> clock = {};  ///< the database's; empty: the system's
};
std::unique_ptr<Store> open_sqlite_store(const SqliteSettings& settings);

}  // namespace vigil::verifier
