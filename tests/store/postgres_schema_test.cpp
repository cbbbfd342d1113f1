// What an engine that spreads buckets over machines could not place must not come in: asked of the
// tables as PostgreSQL has them, and of the statements in the sources.
#include <filesystem>
#include <fstream>
#include <regex>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

class PostgresSchema : public testing::Test {
protected:
    void SetUp() override {
        if (!PrivatePostgres::programs()) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
        server_ = PrivatePostgres::shared();
        uri_ = server_->fresh_schema();
        schema_ = uri_.substr(uri_.rfind("%3D") + 3);
        { const auto created = open_postgres_store(uri_); }
    }
    /// The first column of the rows, joined; $S is the schema.
    std::string list(const std::string& query) {
        return server_->run("SET search_path = " + schema_ +
                            "; SELECT coalesce(string_agg(x, ', ' ORDER BY x), '') FROM (" +
                            std::regex_replace(query, std::regex{"\\$S"}, "'" + schema_ + "'") +
                            ") AS found(x)");
    }
    void add(const std::string& sql) { server_->run("SET search_path = " + schema_ + "; " + sql); }

    /// What of the schema a distributed engine refuses or would have to ask every machine for.
    std::string misplaced() {
        return list(
            "SELECT 'sequence ' || c.relname FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = $S AND c.relkind = 'S'"
            " UNION ALL SELECT 'trigger ' || t.tgname FROM pg_trigger t JOIN pg_class c"
            " ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = $S AND NOT t.tgisinternal"
            " UNION ALL SELECT 'foreign key ' || k.conname FROM pg_constraint k JOIN pg_namespace n"
            " ON n.oid = k.connamespace WHERE n.nspname = $S AND k.contype = 'f'"
            // Unique without the bucket, where there is one.
            " UNION ALL SELECT 'unique ' || i.indexrelid::regclass::text FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'bucket'"
            " WHERE n.nspname = $S AND i.indisunique AND NOT a.attnum = ANY (i.indkey)"
            // Neither a bucket nor one of the small tables that every machine has whole.
            " UNION ALL SELECT 'table ' || c.relname FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = $S AND c.relkind IN ('r', 'p')"
            " AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid"
            " AND a.attname = 'bucket') AND c.relname NOT IN ('meta', 'genesis', 'policies',"
            " 'day_keys', 'day_key_reveals', 'closed_windows', 'settled_days', 'leases',"
            " 'receipt_keys', 'closings', 'window_totals')");
    }

private:
    PrivatePostgres* server_ = nullptr;
    std::string schema_;

protected:
    std::string uri_;
};

TEST_F(PostgresSchema, HoldsNothingThatADistributedEngineCannotPlace) {
    EXPECT_EQ(misplaced(), "");
    EXPECT_EQ(list("SELECT c.relname::text FROM pg_class c JOIN pg_namespace n"
                   " ON n.oid = c.relnamespace WHERE n.nspname = $S AND c.relname = 'answers'"),
              "answers");
}

TEST_F(PostgresSchema, EachOfThemWouldBeFound) {
    add("CREATE SEQUENCE s1");
    add("CREATE TABLE grows (number BIGINT PRIMARY KEY)");
    add("CREATE UNIQUE INDEX u1 ON answers (id)");
    add("ALTER TABLE voids ADD CONSTRAINT f1 FOREIGN KEY (bucket, device)"
        " REFERENCES devices (bucket, number)");
    add("CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER t1 BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION t()");
    const std::string found = misplaced();
    for (const char* word :
         {"sequence s1", "table grows", "unique", "u1", "foreign key f1", "trigger t1"})
        EXPECT_NE(found.find(word), std::string::npos) << word << " in " << found;
}

std::vector<std::string> machine_bound(const std::string& text) {
    std::vector<std::string> found;
    for (const char* word : {"pg_advisory", "pg_try_advisory", "nextval", "SKIP LOCKED", "LISTEN ",
                             "NOTIFY ", "CREATE TEMP", "LOCK TABLE", "SERIAL"})
        if (text.find(word) != std::string::npos) found.emplace_back(word);
    return found;
}

TEST_F(PostgresSchema, StatementsUseNoLockOrNumberOfOneMachine) {
    EXPECT_EQ(machine_bound("SELECT pg_advisory_xact_lock(1), nextval('s')"),
              (std::vector<std::string>{"pg_advisory", "nextval"}));
    int files = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator{
             std::string{VIGIL_SOURCE_DIR} + "/verifier/store"}) {
        const auto kind = file.path().extension();
        if (kind != ".cpp" && kind != ".hpp" && kind != ".sql") continue;
        ++files;
        std::ifstream in{file.path()};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        EXPECT_EQ(machine_bound(text), std::vector<std::string>{}) << file.path();
    }
    EXPECT_GT(files, 60);
}

TEST_F(PostgresSchema, AnswersOfATransactionShareTheirBucketWhereThatIsAskedFor) {
    const auto write_to = [&](Store& store, std::uint64_t first) {
        std::vector<AnswerRecord> answers;
        for (std::uint8_t bucket = 3; bucket < 23; ++bucket) {
            const auto e = enrol(store, bucket, first + bucket, 1);
            for (std::uint64_t n = 0; n < 3; ++n)
                answers.push_back(answer(e.node.ref, {hourly(e.first(), first + n)}, first + n));
        }
        std::vector<const AnswerRecord*> pointers;
        for (const auto& one : answers) pointers.push_back(&one);
        for (const auto& fate : store.record(pointers))
            EXPECT_EQ(fate.kind, AnswerFate::Kind::recorded);
    };
    // A row's xmin is the transaction that wrote it.
    const auto mixed = [&] {
        return list(
            "SELECT 'transaction ' || x FROM (SELECT xmin::text AS x, bucket FROM answers UNION "
            "ALL SELECT xmin::text, bucket FROM verdicts"
            " UNION ALL SELECT xmin::text, bucket FROM first_windows) AS rows GROUP BY x HAVING "
            "count(DISTINCT bucket) > 1");
    };
    write_to(*open_postgres_store(PostgresSettings{.uri = uri_, .bucket_transactions = true}),
             1'000);
    EXPECT_EQ(mixed(), "");
    write_to(*open_postgres_store(PostgresSettings{.uri = uri_}), 2'000);
    EXPECT_NE(mixed(), "") << "or this test sees nothing";
}

}  // namespace
}  // namespace vigil::verifier
