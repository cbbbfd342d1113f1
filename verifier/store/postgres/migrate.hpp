#pragma once

#include "verifier/store/postgres/connection.hpp"

namespace vigil::verifier::postgres {

/// Brings the connection's schema to the newest step, in one transaction; several processes may do
/// it at once. Throws StoreFailed for a schema that holds something else, StoreTooNew.
void prepare_schema(Connection& db);

/// Refuses what this program cannot read as it is: StoreFailed, StoreTooNew. Changes nothing.
void check_readable(Connection& db);

}  // namespace vigil::verifier::postgres
