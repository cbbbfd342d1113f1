#include "verifier/store/postgres/migrate.hpp"

#include "verifier/store/schema.hpp"
#include "verifier/store/schema_version.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier::postgres {
namespace {

std::int64_t number_of(Connection& db, Sql sql) {
    std::int64_t out = 0;
    Rows rows = db.run(sql);
    if (rows.next()) rows.into(out);
    return out;
}

/// 0: an empty schema.
std::int64_t schema_version(Connection& db) {
    const auto tables = number_of(
        db, "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()");
    if (tables == 0) {
        if (number_of(db, "SELECT count(*) WHERE current_schema() IS NOT NULL") == 0)
            throw StoreFailed{"store " + db.name() +
                              ": there is no schema to put tables into: create one (CREATE SCHEMA) "
                              "and name it in search_path"};
        return 0;
    }
    const auto ours =
        number_of(db,
                  "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
                  " AND tablename IN ('meta', 'genesis', 'answers')");
    if (ours != 3)
        throw StoreFailed{"store " + db.name() +
                          ": the schema holds tables that are not Vigil's: name an empty database, "
                          "or a schema of its own with ?options=-csearch_path%3DNAME"};
    // Who changes the schema holds this row until it is done.
    return number_of(db, "SELECT value FROM meta WHERE name = 'schema_version'");
}

/// Answers are read whole and hardly shrink: kept in their row, they cost a third less to write.
/// Relatives of PostgreSQL that lay rows out otherwise refuse these, and nothing is lost by that.
constexpr const char* layout[] = {
    "ALTER TABLE answers ALTER COLUMN signed_bytes SET STORAGE EXTERNAL",
    "ALTER TABLE answers SET (toast_tuple_target = 8160)",
};

void lay_out(Connection& db) {
    for (const char* statement : layout) {
        try {
            db.script(statement);
        } catch (const StoreFailed&) {
            db.rollback();
        }
    }
}

}  // namespace

void check_readable(Connection& db) { require_current(db.name(), schema_version(db)); }

void prepare_schema(Connection& db) {
    db.begin_writing();
    std::int64_t found = schema_version(db);
    if (found != 0 && found < newest_schema()) {
        // One process at a time; the others wait here and then find it done.
        db.run("SELECT value FROM meta WHERE name = 'schema_version' FOR UPDATE").next();
        found = schema_version(db);
    }
    refuse_newer(db.name(), found);
    if (found < newest_schema()) {
        if (found != 0) {
            refuse_upgrade_of_unfinished(db);
            db.let_statements_take_long();
        }
        for (const SchemaStep& step : schema_steps())
            if (step.version > found) db.script(text_for(Engine::postgres, step.sql));
        db.execute(
            "INSERT INTO meta (name, value) VALUES ('schema_version', $1)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            newest_schema());
    }
    db.commit();
    if (found == 0) lay_out(db);
}

}  // namespace vigil::verifier::postgres
