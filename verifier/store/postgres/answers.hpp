#pragma once

#include <span>
#include <vector>

#include "verifier/store/postgres/connection.hpp"

namespace vigil::verifier::postgres {

/// Records answers in one transaction, in two round trips: what is there already, then all rows as
/// arrays and the commit. The fate of each as of sql::record(), in their order.
std::vector<AnswerFate> record_answers(Connection& db,
                                       std::span<const AnswerRecord* const> answers);

}  // namespace vigil::verifier::postgres
