#pragma once

#include <cstdint>

#include "verifier/store/sql/connection.hpp"

namespace vigil::verifier {

/// The row of meta that is not 0 while a copy into the store has not been finished.
constexpr const char* unfinished_copy = "unfinished_copy";

/// No verifier works on part of a network.
inline void refuse_unfinished(sql::Connection& db) {
    std::int64_t value = 0;
    sql::Rows rows = db.run("SELECT value FROM meta WHERE name = 'unfinished_copy'");
    if (rows.next()) rows.into(value);
    if (value != 0)
        throw StoreFailed{"store " + db.name() +
                          ": a copy into it has not been finished: run vigil-verifier migrate "
                          "again, which goes on where it ended"};
}

}  // namespace vigil::verifier
