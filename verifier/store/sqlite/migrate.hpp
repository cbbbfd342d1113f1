#pragma once

#include <cstdint>
#include <string>

#include "verifier/store/sqlite/connection.hpp"

namespace vigil::verifier::sqlite {

/// Readies the writing connection: refuses what is not a store of ours (StoreFailed) or of a newer
/// program (StoreTooNew), sets the file's format where it is new, WAL and full durability, and
/// takes the schema to the newest step, all in one transaction.
void prepare_database(Connection& db);

/// Refuses what this program cannot read as it is: StoreFailed, StoreTooNew. Changes nothing.
void check_readable(Connection& db);

}  // namespace vigil::verifier::sqlite
