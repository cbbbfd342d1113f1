#pragma once

#include <functional>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <unordered_map>

#include "verifier/store/sql/connection.hpp"

namespace vigil::verifier::sqlite {

using sql::Rows;
using sql::Sql;

/// Another connection was in the way; the transaction may be repeated.
struct StoreBusy : StoreFailed {
    using StoreFailed::StoreFailed;
};

/// One SQLite connection. Nothing is deferred: every statement has run when its call returns.
class Connection final : public sql::Connection {
public:
    /// `clock`: the database's; empty: SQLite's own, which is the system's.
    Connection(std::string path, int open_flags, std::function<Instant()> clock = {});
    ~Connection() override;

    /// Runs statements whose text is not known at compile time, without parameters.
    void script(const std::string& sql);

    Instant clock() override;

    void commit();
    /// Back to no transaction, whatever happened. Never throws.
    void rollback() noexcept;

    const std::string& path() const { return name(); }
    sqlite3* raw() { return db_.get(); }
    /// Throws what the last call of SQLite left as its error; StoreBusy where repeating helps.
    [[noreturn]] void fail();

private:
    class Prepared;
    struct Close {
        void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
    };

    sql::Statement& start(Sql sql, std::span<const sql::Value> values) override;
    void send(Sql sql, std::span<const sql::Value> values) override;
    std::int64_t send_and_count(Sql sql, std::span<const sql::Value> values) override;
    void send_many(Sql sql, std::span<const sql::Value> values, std::size_t width) override;
    Prepared& prepared(Sql sql);
    void refuse_after_failure() const;

    std::function<Instant()> clock_;
    std::unique_ptr<sqlite3, Close> db_;
    std::unordered_map<const char*, std::unique_ptr<Prepared>> statements_;
    bool failed_{};
};

}  // namespace vigil::verifier::sqlite
