#pragma once

#include <cstdint>

#include "verifier/store/sql/connection.hpp"

namespace vigil::verifier {

/// The row of meta that is not 0 while a copy into the store has not been finished.
constexpr const char* unfinished_copy = "unfinished_copy";

inline bool is_unfinished(sql::Connection& db) {
    std::int64_t value = 0;
    sql::Rows rows = db.run("SELECT value FROM meta WHERE name = 'unfinished_copy'");
    if (rows.next()) rows.into(value);
    return value != 0;
}

/// No verifier works on part of a network.
inline void refuse_unfinished(sql::Connection& db) {
    if (is_unfinished(db))
        throw StoreFailed{"store " + db.name() +
                          ": a copy into it has not been finished: run vigil-verifier migrate "
                          "again, which goes on where it ended"};
}

constexpr const char* how_to_begin_again =
    "empty it (drop and create the database, or delete the file) and begin again";

[[noreturn]] inline void refuse_copy_of_older(const std::string& store) {
    throw StoreFailed{"store " + store +
                      ": holds part of a copy that an older version of this program began, and "
                      "only that version can finish it: run its migrate again, or " +
                      how_to_begin_again};
}

/// To be asked before a store is brought to a newer schema: a copy goes on from table to table as
/// its own schema has them, so part of one stays as it is.
inline void refuse_upgrade_of_unfinished(sql::Connection& db) {
    if (is_unfinished(db)) refuse_copy_of_older(db.name());
}

}  // namespace vigil::verifier
