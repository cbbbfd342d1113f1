#pragma once

#include <deque>
#include <string>
#include <vector>

#include "verifier/store/sql/connection.hpp"

namespace vigil::verifier {

/// A table of the schema, and the statements that carry it from one store into another.
class CopiedTable {
public:
    struct Column {
        std::string name;
        bool number{}, text{};  ///< else bytes
        int key{};              ///< place in the primary key, from 1; 0: not in it
        std::int64_t least{};   ///< of a number, what its type can hold
    };
    CopiedTable(std::string name, std::vector<Column> columns);

    const std::string& name() const { return name_; }
    /// Whether it grows: then it is read bucket by bucket, in pages.
    bool by_bucket() const { return by_bucket_; }

    std::int64_t count(sql::Connection& db) const;
    std::int64_t count(sql::Connection& db, int bucket) const;

    struct Cell {
        bool null{};
        std::int64_t number{};
        ByteVector bytes;
    };
    using Row = std::vector<Cell>;
    /// The rows of a bucket after `last` (empty: from the first), ascending; all rows of a table
    /// that does not grow.
    std::vector<Row> read(sql::Connection& db, int bucket, const Row& last) const;
    void write(sql::Connection& db, const std::vector<Row>& rows) const;
    /// Changes with what is in the table, of one that grows with how many rows that is (`rows`).
    Hash digest(sql::Connection& db, std::int64_t rows) const;

private:
    std::string name_;
    std::vector<Column> columns_;
    std::vector<std::size_t> key_;  ///< columns of the key after bucket
    bool by_bucket_{};
    std::string count_, count_bucket_, read_, insert_;
};

/// What a copy carries: every table of the newest schema but meta, and those that follow from the
/// schema alone. The same order always.
std::deque<CopiedTable> copied_tables();

}  // namespace vigil::verifier
