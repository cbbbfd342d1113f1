#pragma once

#include <memory>
#include <sqlite3.h>
#include <string>
#include <unordered_map>
#include <utility>

#include "verifier/store/sqlite/values.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::sqlite {

/// Another connection was in the way; the transaction may be repeated.
struct StoreBusy : StoreFailed {
    using StoreFailed::StoreFailed;
};

/// The text of a statement: a literal, so that its address names the prepared statement.
/// Parameters are $1, $2, … and appear first in that order.
struct Sql {
    consteval Sql(const char* literal) : text{literal} {}  // NOLINT(google-explicit-constructor)
    const char* text;
};

class Connection;

/// The rows of a running statement. One at a time for each text of a connection.
class Rows {
public:
    Rows(Connection& connection, sqlite3_stmt* statement)
        : connection_{connection}, statement_{statement} {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows() { sqlite3_reset(statement_); }

    bool next();
    /// Reads the columns of the current row from the first on.
    template <class... Values>
    void into(Values&&... values) {
        int column = 0;
        (read(statement_, column++, values), ...);
    }

private:
    Connection& connection_;
    sqlite3_stmt* statement_;
};

/// One SQLite connection with its prepared statements. Used by one thread at a time. Failures throw
/// StoreFailed (StoreBusy where repeating helps); after one, nothing but rollback() is accepted, so
/// that no later statement of a transaction can happen without the earlier ones.
class Connection {
public:
    Connection(std::string path, int open_flags);

    template <class... Values>
    Rows run(Sql sql, const Values&... values) {
        sqlite3_stmt* statement = prepared(sql);
        int column = 0;
        const bool bound = ((bind(statement, ++column, values) == SQLITE_OK) && ...);
        if (!bound) fail();
        return {*this, statement};
    }
    /// Runs a statement that returns no rows; how many rows it inserted or changed.
    template <class... Values>
    std::int64_t execute(Sql sql, const Values&... values) {
        Rows rows = run(sql, values...);
        rows.next();
        return sqlite3_changes64(db_.get());
    }
    /// Runs statements whose text is not known at compile time, without parameters.
    void script(const std::string& sql);

    void commit();
    /// Back to no transaction, whatever happened. Never throws.
    void rollback() noexcept;

    const std::string& path() const { return path_; }
    sqlite3* raw() { return db_.get(); }
    [[noreturn]] void fail();

private:
    struct Close {
        void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    };
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };

    sqlite3_stmt* prepared(Sql sql);
    void refuse_after_failure() const;

    std::string path_;
    std::unique_ptr<sqlite3, Close> db_;
    std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
    bool failed_{};
};

}  // namespace vigil::verifier::sqlite
