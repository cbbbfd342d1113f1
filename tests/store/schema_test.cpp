#include "verifier/store/schema.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sqlite3.h>

#include "verifier/store/schema_version.hpp"

namespace vigil::verifier {
namespace {

using Names = std::set<std::string>;

/// The same for every bucket.
const Names small_tables{
    "meta",           "genesis",      "policies", "day_keys",     "day_key_reveals", "closings",
    "closed_windows", "settled_days", "leases",   "receipt_keys", "window_totals",   "buckets"};
/// Follow from the record and may be updated.
const Names in_force{"meta",          "leases",       "nodes",    "devices",
                     "first_windows", "recent_rates", "standings"};
/// Grow with the fleet, not with time, and are read whole.
const Names read_whole{"buckets",   "every",        "leases",       "receipt_keys",  "closings",
                       "genesis",   "policies",     "nodes",        "devices",       "d",
                       "standings", "recent_rates", "settled_days", "sqlite_master", "CONSTANT"};

std::string schema() {
    std::string out;
    for (const auto& step : schema_steps()) out += step.sql;
    return out;
}

std::string without_comments(const std::string& sql) {
    return std::regex_replace(sql, std::regex{"--[^\n]*|/\\*[^*]*\\*/"}, "");
}

class Database {
public:
    Database() {
        sqlite3* db = nullptr;
        sqlite3_open(":memory:", &db);
        db_.reset(db);
        for (const auto& step : schema_steps())
            EXPECT_EQ(sqlite3_exec(db, text_for(Engine::sqlite, step.sql).c_str(), nullptr, nullptr,
                                   nullptr),
                      SQLITE_OK)
                << sqlite3_errmsg(db);
    }
    /// Rows of a query, each column as text.
    std::vector<std::vector<std::string>> rows(const std::string& sql) {
        std::vector<std::vector<std::string>> out;
        sqlite3_stmt* made = nullptr;
        EXPECT_EQ(sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &made, nullptr), SQLITE_OK)
            << sqlite3_errmsg(db_.get()) << " in " << sql;
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement{made,
                                                                              sqlite3_finalize};
        while (made && sqlite3_step(made) == SQLITE_ROW) {
            auto& row = out.emplace_back();
            for (int i = 0; i < sqlite3_column_count(made); ++i) {
                const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, i));
                row.emplace_back(text ? text : "");
            }
        }
        return out;
    }
    Names tables() {
        Names out;
        for (const auto& row : rows("SELECT name FROM sqlite_master WHERE type = 'table'"))
            out.insert(row[0]);
        return out;
    }

private:
    struct Close {
        void operator()(sqlite3* db) const { sqlite3_close(db); }
    };
    std::unique_ptr<sqlite3, Close> db_;
};

/// Every statement that SQLite runs: the literals handed to run(), execute() and the like.
std::vector<std::string> statements() {
    std::vector<std::string> out;
    const std::regex call{
        R"((?:run|execute|execute_many|change|read_number|number_of)\(([^";]*?)((?:\s*"[^"]*")+))"};
    const std::regex literal{R"re("([^"]*)")re"};
    for (const auto& file : std::filesystem::recursive_directory_iterator{
             std::string{VIGIL_SOURCE_DIR} + "/verifier/store"}) {
        if (file.path().extension() != ".cpp" && file.path().extension() != ".hpp") continue;
        if (file.path().stem() == "copy_tables") continue;
        if (file.path().string().find("postgres") != std::string::npos) continue;
        std::ifstream in{file.path()};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        for (std::sregex_iterator m{text.begin(), text.end(), call}, end; m != end; ++m) {
            const std::string literals = (*m)[2];
            std::string sql;
            for (std::sregex_iterator l{literals.begin(), literals.end(), literal}; l != end; ++l)
                sql += (*l)[1];
            out.push_back(sql);
        }
    }
    return out;
}

TEST(Schema, StepsAscendFromOneWithoutGaps) {
    int version = 0;
    for (const auto& step : schema_steps()) EXPECT_EQ(step.version, ++version) << step.file;
    EXPECT_GE(version, 1);
}

TEST(Schema, UsesOnlyWhatEveryEngineHas) {
    const std::string sql = without_comments(schema());
    for (const auto* word : {"AUTOINCREMENT", "SERIAL", "CREATE SEQUENCE", "TRIGGER", "IDENTITY",
                             "REFERENCES", "FOREIGN", "TEMP", "ROWID", "PRAGMA", "STRICT"})
        EXPECT_EQ(sql.find(word), std::string::npos) << word;
    const std::regex column{R"(\n    ([a-z_0-9]+) ([A-Z]+))"};
    const Names types{"BIGINT", "INTEGER", "BYTEA", "TEXT"};
    int columns = 0;
    for (std::sregex_iterator m{sql.begin(), sql.end(), column}, end; m != end; ++m, ++columns)
        EXPECT_TRUE(types.contains((*m)[2])) << (*m)[0];
    EXPECT_GT(columns, 100);
}

TEST(Schema, BucketLeadsEveryKeyAndIndexOfWhatGrows) {
    Database db;
    int checked = 0;
    for (const auto& table : db.tables()) {
        if (small_tables.contains(table)) continue;
        const auto indexes = db.rows("PRAGMA index_list(" + table + ")");
        EXPECT_FALSE(indexes.empty()) << table;
        for (const auto& index : indexes) {
            EXPECT_EQ(db.rows("PRAGMA index_info(" + index[1] + ")").at(0).at(2), "bucket")
                << table << " " << index[1];
            ++checked;
        }
    }
    EXPECT_GE(checked, 19);
}

TEST(Schema, HotTablesHaveNoUniqueHashes) {
    Database db;
    for (const auto& table : {"answers", "verdicts", "unjudged", "voids", "windows"}) {
        std::map<std::string, std::string> types;
        for (const auto& column : db.rows(std::string{"PRAGMA table_info("} + table + ")"))
            types[column[1]] = column[2];
        for (const auto& index : db.rows(std::string{"PRAGMA index_list("} + table + ")"))
            for (const auto& column : db.rows("PRAGMA index_info(" + index[1] + ")"))
                EXPECT_NE(types[column[2]], "BYTEA") << table << "." << column[2];
    }
}

TEST(Queries, NeverChangeWhatIsAppendOnly) {
    const auto all = statements();
    ASSERT_GT(all.size(), 60U);
    Database db;
    const Names tables = db.tables();
    int inserts = 0;
    for (const auto& sql : all) {
        EXPECT_EQ(sql.find("DELETE"), std::string::npos) << sql;
        EXPECT_EQ(sql.find("REPLACE"), std::string::npos) << sql;
        EXPECT_EQ(sql.find("DROP"), std::string::npos) << sql;
        std::smatch m;
        if (std::regex_search(sql, m, std::regex{"^UPDATE (\\w+)"})) {
            EXPECT_TRUE(in_force.contains(m[1])) << sql;
        }
        if (std::regex_search(sql, m, std::regex{"INSERT INTO (\\w+)"})) {
            ++inserts;
            EXPECT_TRUE(tables.contains(m[1])) << sql;
            if (sql.find("DO UPDATE") != std::string::npos) {
                EXPECT_TRUE(in_force.contains(m[1])) << sql;
            }
        }
    }
    EXPECT_GE(inserts, 20);
}

TEST(Queries, NeverReadHistoryFromEndToEnd) {
    Database db;
    int planned = 0;
    for (const auto& sql : statements()) {
        if (!std::regex_search(sql, std::regex{"^(SELECT|UPDATE|INSERT)"})) continue;
        for (const auto& row : db.rows("EXPLAIN QUERY PLAN " + sql)) {
            ++planned;
            std::smatch m;
            if (std::regex_search(row[3], m, std::regex{"^SCAN (\\w+)"})) {
                EXPECT_TRUE(read_whole.contains(m[1])) << row[3] << "\n" << sql;
            }
            if (std::regex_search(row[3], m, std::regex{"^SEARCH (\\w+) .*\\((\\w+)[=<>]"})) {
                const bool small = small_tables.contains(m[1]) || m[2] == "day" || m[2] == "name";
                EXPECT_TRUE(small || m[2] == "bucket") << row[3] << "\n" << sql;
            }
        }
    }
    EXPECT_GT(planned, 40);
}

}  // namespace
}  // namespace vigil::verifier
