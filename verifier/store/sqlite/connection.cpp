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

Connection::Connection(std::string path, int open_flags) : path_{std::move(path)} {
    sqlite3* db = nullptr;
    const int opened = sqlite3_open_v2(
        path_.c_str(), &db, open_flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    db_.reset(db);
    if (opened != SQLITE_OK) fail();
    sqlite3_busy_timeout(db, busy_timeout_ms);
}

void Connection::fail() {
    failed_ = true;
    const int code = db_ ? sqlite3_extended_errcode(db_.get()) : SQLITE_NOMEM;
    const int primary = code & 0xff;
    std::string text = "store " + path_ + ": " +
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
        throw StoreFailed{"store " + path_ +
                          ": an earlier statement of this transaction failed; nothing of it is "
                          "kept"};
}

sqlite3_stmt* Connection::prepared(Sql sql) {
    refuse_after_failure();
    auto& statement = statements_[sql.text];
    if (!statement) {
        sqlite3_stmt* made = nullptr;
        if (sqlite3_prepare_v3(db_.get(), sql.text, -1, SQLITE_PREPARE_PERSISTENT, &made,
                               nullptr) != SQLITE_OK)
            fail();
        statement.reset(made);
    }
    require(!sqlite3_stmt_busy(statement.get()), "a statement runs once at a time");
    return statement.get();
}

void Connection::script(const std::string& sql) {
    refuse_after_failure();
    if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void Connection::commit() { execute("COMMIT"); }

void Connection::rollback() noexcept {
    // Some failures (disk full) have ended the transaction already.
    if (!sqlite3_get_autocommit(db_.get()))
        sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    failed_ = false;
}

bool Rows::next() {
    switch (sqlite3_step(statement_)) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            connection_.fail();
    }
}

}  // namespace vigil::verifier::sqlite
