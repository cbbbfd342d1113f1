#include <chrono>
#include <sqlite3.h>
#include <stdexcept>
#include <string>

#include "tests/load/parts.hpp"

namespace vigil::load {

Writing write_bare_rows(const PartOptions& options) {
    sqlite3* db = nullptr;
    const std::string file = (options.folder / "bare.db").string();
    if (sqlite3_open(file.c_str(), &db) != SQLITE_OK)
        throw std::runtime_error{"cannot open " + file};
    sqlite3_exec(db,
                 "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                 "CREATE TABLE answers (number INTEGER PRIMARY KEY, id BLOB, signature BLOB,"
                 " signed_bytes BLOB);"
                 "CREATE TABLE verdicts (number INTEGER PRIMARY KEY, challenge BLOB, a, b, c, d, e,"
                 " reason TEXT)",
                 nullptr, nullptr, nullptr);
    sqlite3_stmt *put_answer = nullptr, *put_verdict = nullptr;
    sqlite3_prepare_v2(db, "INSERT INTO answers VALUES (NULL, ?, ?, ?)", -1, &put_answer, nullptr);
    sqlite3_prepare_v2(db, "INSERT INTO verdicts VALUES (NULL, ?, 1, 2, 3, 4, 5, ?)", -1,
                       &put_verdict, nullptr);
    const std::string bytes(options.answer_bytes, 'a');
    const std::string reason(110, 'r');
    const auto commit = [&] {
        sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
        for (std::size_t i = 0; i < options.batch; ++i) {
            sqlite3_bind_blob(put_answer, 1, bytes.data(), 32, SQLITE_STATIC);
            sqlite3_bind_blob(put_answer, 2, bytes.data(), 64, SQLITE_STATIC);
            sqlite3_bind_blob64(put_answer, 3, bytes.data(), bytes.size(), SQLITE_STATIC);
            sqlite3_step(put_answer);
            sqlite3_reset(put_answer);
            sqlite3_bind_blob(put_verdict, 1, bytes.data(), 32, SQLITE_STATIC);
            sqlite3_bind_text64(put_verdict, 2, reason.data(), reason.size(), SQLITE_STATIC,
                                SQLITE_UTF8);
            sqlite3_step(put_verdict);
            sqlite3_reset(put_verdict);
        }
        if (sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr) != SQLITE_OK)
            throw std::runtime_error{"cannot write " + file};
    };
    Writing written;
    for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{2};
         std::chrono::steady_clock::now() < end;)
        written.time(commit, options.batch);
    sqlite3_finalize(put_answer);
    sqlite3_finalize(put_verdict);
    sqlite3_close(db);
    return written;
}

}  // namespace vigil::load
