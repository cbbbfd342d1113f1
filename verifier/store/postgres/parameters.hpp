#pragma once

#include <libpq-fe.h>
#include <span>
#include <string>
#include <vector>

#include "verifier/store/sql/values.hpp"

namespace vigil::verifier::postgres {

/// The parameters of one statement in PostgreSQL's binary form, as its types want them. Bytes and
/// text are pointed to where they are.
class Parameters {
public:
    /// One row of values.
    Parameters(std::span<const sql::Value> values, std::span<const Oid> types);
    /// Rows of values as one array a column; `types`: of the arrays.
    static Parameters columns(std::span<const sql::Value> rows, std::span<const Oid> types);

    int count() const { return static_cast<int>(pointers_.size()); }
    const char* const* pointers() const { return pointers_.data(); }
    const int* lengths() const { return lengths_.data(); }
    const int* formats() const { return formats_.data(); }

private:
    Parameters() = default;
    void add_own(std::size_t begin);
    void finish();

    std::string own_;  ///< what is not where it was: numbers, arrays
    std::vector<const char*> pointers_;
    std::vector<int> lengths_, formats_;
    std::vector<std::size_t> own_begins_;  ///< in own_; npos: not there
};

/// "INSERT INTO t (…) VALUES ($1, …, $n) …" as one statement over arrays of these types, with what
/// stands in /*many … */ switched on.
std::string text_for_many(const std::string& sql, std::span<const Oid> types);

}  // namespace vigil::verifier::postgres
