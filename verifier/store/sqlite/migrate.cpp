#include "verifier/store/sqlite/migrate.hpp"

#include "verifier/store/schema.hpp"
#include "verifier/store/schema_version.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier::sqlite {
namespace {

constexpr std::int64_t application_id = 0x5649474c;  // "VIGL", so that file(1) and we recognise it

std::int64_t number_of(Connection& db, Sql sql) {
    std::int64_t out = 0;
    Rows rows = db.run(sql);
    if (rows.next()) rows.into(out);
    return out;
}

/// 0: an empty database.
std::int64_t schema_version(Connection& db) {
    if (number_of(db, "SELECT count(*) FROM sqlite_master") == 0) return 0;
    if (number_of(db, "PRAGMA application_id") != application_id)
        throw StoreFailed{"store " + db.path() +
                          ": is a SQLite database, but not a store of Vigil: name another file"};
    return number_of(db, "SELECT value FROM meta WHERE name = 'schema_version'");
}

void set_durability(Connection& db) {
    std::string mode;
    {
        Rows rows = db.run("PRAGMA journal_mode = WAL");
        if (rows.next()) rows.into(mode);
    }
    if (mode != "wal")
        throw StoreFailed{"store " + db.path() +
                          ": its file system does not allow WAL (shared memory is needed; network "
                          "file systems have none): put it on a local disk"};
    db.script("PRAGMA synchronous = FULL");
}

}  // namespace

void check_readable(Connection& db) { require_current(db.path(), schema_version(db)); }

void prepare_database(Connection& db) {
    if (sqlite3_db_readonly(db.raw(), "main") == 1)
        throw StoreFailed{"store " + db.path() +
                          ": is read-only: the verifier's user must own the file and its folder, "
                          "and the file system must be mounted for writing"};
    const std::int64_t newest = newest_schema();
    const std::int64_t found = schema_version(db);
    refuse_newer(db.path(), found);
    if (found != 0 && found < newest) refuse_upgrade_of_unfinished(db);
    if (found == 0)
        db.script("PRAGMA page_size = 4096");  // a commit touches many pages: small ones
    set_durability(db);
    if (found == newest) return;

    db.script("BEGIN IMMEDIATE");
    if (found == 0) db.script("PRAGMA application_id = " + std::to_string(application_id));
    for (const SchemaStep& step : schema_steps())
        if (step.version > found) db.script(text_for(Engine::sqlite, step.sql));
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('schema_version', $1)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        newest);
    db.commit();
}

}  // namespace vigil::verifier::sqlite
