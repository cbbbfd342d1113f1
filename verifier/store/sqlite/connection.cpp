#include "verifier/store/sqlite/connection.hpp"

#include <cstring>

#include "core/base/require.hpp"

namespace vigil::verifier::sqlite {
namespace {

constexpr int busy_timeout_ms = 1'000;

const char* advice(int primary_code) {
    switch (primary_code) {
        case SQLITE_FULL:
            return "free space on its file system; the store goes on by itself then";
        case SQLITE_IOERR:
            return "check the disk and its file system (dmesg); free space if it is full";
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
        case SQLITE_AUTH:
            return "the verifier's user must own the file and its folder and may write both";
        case SQLITE_CORRUPT:
            return "the file is damaged: stop the verifier, keep a copy, restore a backup "
                   "(sqlite3's .recover reads what is left)";
        case SQLITE_NOTADB:
            return "this is no SQLite database: name another file, or restore a backup";
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return "another program holds the file (a sqlite3 shell, a backup): end it";
        case SQLITE_NOMEM:
            return "the verifier ran out of memory";
        default:
            return "nothing of the transaction was kept";
    }
}

}  // namespace
/// A prepared statement, which is one at its rows, too.
class Connection::Prepared final : public sql::Statement {
public:
    Prepared(Connection& connection, sqlite3_stmt* statement)
        : connection_{connection}, statement_{statement} {}

    void bind(std::span<const sql::Value> values) {
        require(!sqlite3_stmt_busy(statement_.get()), "a statement runs once at a time");
        int column = 0;
        for (const sql::Value& value : values)
            if (bind(++column, value) != SQLITE_OK) connection_.fail();
    }
    bool next() override {
        switch (sqlite3_step(statement_.get())) {
            case SQLITE_ROW:
                return true;
            case SQLITE_DONE:
                return false;
            default:
                connection_.fail();
        }
    }
    bool is_null(int i) const override {
        return sqlite3_column_type(statement_.get(), i) == SQLITE_NULL;
    }
    std::int64_t integer(int i) const override { return sqlite3_column_int64(statement_.get(), i); }
    ByteSpan bytes(int i) const override {
        const void* data = sqlite3_column_blob(statement_.get(), i);  // text as it is stored, too
        return {static_cast<const std::uint8_t*>(data),
                static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), i))};
    }
    void finish() noexcept override { sqlite3_reset(statement_.get()); }

private:
    int bind(int i, const sql::Value& value) {
        sqlite3_stmt* s = statement_.get();
        const ByteSpan bytes = value.bytes();
        switch (value.kind()) {
            case sql::Value::Kind::null:
                return sqlite3_bind_null(s, i);
            case sql::Value::Kind::integer:
                return sqlite3_bind_int64(s, i, value.integer());
            case sql::Value::Kind::bytes:
                // A null pointer would bind NULL, not empty bytes.
                return bytes.empty()
                           ? sqlite3_bind_zeroblob(s, i, 0)
                           : sqlite3_bind_blob64(s, i, bytes.data(), bytes.size(), SQLITE_STATIC);
            case sql::Value::Kind::text:
                return sqlite3_bind_text64(
                    s, i, bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data()),
                    bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
            case sql::Value::Kind::amount:  // lives in `value`, which goes before the row is read
                return sqlite3_bind_blob64(s, i, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
        }
        return SQLITE_MISUSE;
    }

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    Connection& connection_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

Connection::Connection(std::string path, int open_flags, std::function<Instant()> clock)
    : sql::Connection{std::move(path)}, clock_{std::move(clock)} {
    sqlite3* db = nullptr;
    const int opened =
        sqlite3_open_v2(this->path().c_str(), &db,
                        open_flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    db_.reset(db);
    if (opened != SQLITE_OK) fail();
    sqlite3_busy_timeout(db, busy_timeout_ms);
}

Connection::~Connection() = default;

void Connection::fail() {
    failed_ = true;
    const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
    const int primary = code & 0xff;
    std::string text = "store " + path() + ": " +
                       (db_ ? sqlite3_errmsg(db_.get()) : sqlite3_errstr(code)) + " (SQLite " +
                       std::to_string(code);
    const int system = db_ ? sqlite3_system_errno(db_.get()) : 0;
    if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN ||
                        primary == SQLITE_FULL || primary == SQLITE_READONLY))
        text += std::string{", "} + std::strerror(system);
    text += std::string{"): "} + advice(primary);
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) throw StoreBusy{text};
    throw StoreFailed{text};
}

void Connection::refuse_after_failure() const {
    if (failed_)
        throw StoreFailed{"store " + path() +
                          ": an earlier statement of this transaction failed; nothing of it is "
                          "kept"};
}

Connection::Prepared& Connection::prepared(Sql sql) {
    refuse_after_failure();
    auto& statement = statements_[sql.text];
    if (!statement) {
        sqlite3_stmt* made = nullptr;
        if (sqlite3_prepare_v3(db_.get(), sql.text, -1, SQLITE_PREPARE_PERSISTENT, &made,
                               nullptr) != SQLITE_OK)
            fail();
        statement = std::make_unique<Prepared>(*this, made);
    }
    return *statement;
}

sql::Statement& Connection::start(Sql sql, std::span<const sql::Value> values) {
    Prepared& statement = prepared(sql);
    statement.bind(values);
    return statement;
}

void Connection::send(Sql sql, std::span<const sql::Value> values) {
    Rows rows{start(sql, values)};
    rows.next();
}

std::int64_t Connection::send_and_count(Sql sql, std::span<const sql::Value> values) {
    send(sql, values);
    return sqlite3_changes64(db_.get());
}

void Connection::send_many(Sql sql, std::span<const sql::Value> values, std::size_t width) {
    for (; !values.empty(); values = values.subspan(width)) send(sql, values.first(width));
}

void Connection::script(const std::string& sql) {
    refuse_after_failure();
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

Instant Connection::clock() {
    if (clock_) return clock_();
    Instant now;
    Rows rows = run("SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)");
    if (rows.next()) rows.into(now);
    return now;
}

void Connection::commit() { execute("COMMIT"); }

void Connection::rollback() noexcept {
    // Some failures (disk full) have ended the transaction already.
    if (!sqlite3_get_autocommit(db_.get()))
        sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    failed_ = false;
}

}  // namespace vigil::verifier::sqlite
