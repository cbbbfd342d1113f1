// A store that an older program wrote, with what it would have written, opened by this one.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>

#include "tests/store/contract.hpp"
#include "verifier/store/copy.hpp"
#include "verifier/store/open_store.hpp"
#include "verifier/store/schema.hpp"
#include "verifier/store/schema_version.hpp"
#include "verifier/store/sqlite/connection.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using Kind = AnswerFate::Kind;

constexpr NodeRef owner{7, 1};
constexpr DeviceRef left{7, 1}, right{7, 2};

/// Bytes as the engine writes them in SQL: `size` times `byte`.
std::string literal(Engine engine, int size, int byte) {
    std::string hex;
    for (int i = 0; i < size; ++i) hex.append(fmt::format("{:02x}", byte));
    return engine == Engine::sqlite ? fmt::format("x'{}'", hex) : fmt::format("'\\x{}'", hex);
}

AnswerId id_of(int number) {
    AnswerId out;
    out.bytes.fill(static_cast<std::uint8_t>(number));
    return out;
}

/// A store of version 5, where proofs said which answer took which check: answer 1 was judged when
/// it came, answer 2 waits, answer 3 has waited and is judged, answer 4 has its proof and nothing
/// else; one check was missed.
std::string version_5(Engine engine) {
    std::string out;
    for (const SchemaStep& step : schema_steps())
        if (step.version <= 5) out.append(text_for(engine, step.sql)).append(";\n");
    out.append("INSERT INTO meta (name, value) VALUES ('schema_version', 5);\n");
    for (int n = 1; n <= 4; ++n)
        out.append(
            fmt::format("INSERT INTO answers VALUES (7, {0}, 0, 1, 0, {0}000, {1}, {2},"
                        " {3});\n",
                        n, literal(engine, 32, n), literal(engine, 64, n), literal(engine, 3, n)));
    const auto hourly = static_cast<int>(CheckKind::hourly);
    const auto took = [&](int ref, DeviceRef device, int answer) {
        out.append(fmt::format("INSERT INTO proofs VALUES (7, {}, {}, {}, {}, {});\n", hourly, ref,
                               device.number, ref / 4, answer));
    };
    const auto waits = [&](int ref, DeviceRef device, int answer) {
        out.append(fmt::format("INSERT INTO unjudged VALUES (7, {}, {}, {}, {}, {});\n", ref / 4,
                               device.number, hourly, ref, answer));
    };
    const auto judged = [&](int ref, DeviceRef device, Verdict verdict) {
        out.append(
            fmt::format("INSERT INTO verdicts VALUES (7, {}, {}, {}, {}, {}, 1, 2, NULL, 3,"
                        " 4, {}, 5, 6, 7, 'why');\n",
                        ref / 4, device.number, hourly, ref, literal(engine, 32, ref),
                        static_cast<int>(verdict)));
    };
    took(41, left, 1);
    judged(41, left, Verdict::passed);
    judged(41, right, Verdict::missed);
    for (const DeviceRef device : {left, right}) {
        took(44, device, 2);
        waits(44, device, 2);
    }
    took(43, left, 3);
    waits(43, left, 3);
    judged(43, left, Verdict::bad_proof);
    took(45, left, 4);
    return out;
}

void expect_nothing_lost(Store& store) {
    const auto number = [&](const CheckClaim& claim) {
        const auto answer = read(store, [&](Reader& r) { return r.answer_to(claim); });
        return answer ? answer->number : 0;
    };
    EXPECT_EQ(number(hourly(left, 41)), 1);
    EXPECT_EQ(number(hourly(right, 41)), 0) << "missed";
    EXPECT_EQ(number(hourly(left, 43)), 3);
    EXPECT_EQ(number(hourly(left, 44)), 2);
    EXPECT_EQ(number(hourly(right, 44)), 2);
    EXPECT_EQ(number(hourly(left, 45)), 4);
    const auto waiting = read(store, [](Reader& r) { return r.unjudged_answers({11}); });
    ASSERT_EQ(waiting.size(), 2U);
    EXPECT_EQ(waiting[0].number, 2);
    EXPECT_EQ(waiting[1].number, 4);
    const auto verdicts = read(store, [](Reader& r) { return r.verdicts_of({10}); });
    ASSERT_EQ(verdicts.size(), 3U);
    EXPECT_EQ(verdicts[1].verdict.judgement.verdict, Verdict::bad_proof);
    EXPECT_EQ(verdicts[1].verdict.judgement.reason, "why");
    EXPECT_EQ(verdicts[2].verdict.judgement.verdict, Verdict::missed);

    // No check is taken twice, and a free one is.
    std::uint64_t n = 100;
    const auto fate = [&](const CheckClaim& claim) {
        return record(store, answer(owner, {claim}, ++n));
    };
    for (const auto& [ref, by] : {std::pair{41, 1}, {43, 3}, {44, 2}, {45, 4}}) {
        const auto repeated = fate(hourly(left, static_cast<std::uint64_t>(ref)));
        EXPECT_EQ(repeated.kind, Kind::repeated) << ref;
        EXPECT_EQ(repeated.id, id_of(by)) << ref;
    }
    EXPECT_EQ(fate(hourly(right, 41)).kind, Kind::closed) << "decided without an answer";
    EXPECT_EQ(fate(hourly(right, 45)).kind, Kind::recorded);
    EXPECT_EQ(number(hourly(right, 45)), 5);
}

/// Part of a copy, as a program of version 5 left it.
constexpr const char* part_of_a_copy =
    "INSERT INTO meta (name, value) VALUES ('unfinished_copy', 7), ('copied', 300);\n";

/// Its tables and how far it is are those of version 5, and the program that began it can finish.
void expect_left_alone(const std::string& place) {
    TemporaryFolder folder;
    const std::string source = folder.file("source.db");
    open_sqlite_store(source)->write([](Transaction& tx) {
        tx.found({.network_name = "n", .programme_start_day = {1}, .founded = at(0)});
    });
    const auto refusal = [](const std::function<void()>& attempt) -> std::string {
        try {
            attempt();
        } catch (const StoreFailed& failed) {
            return failed.what();
        }
        return {};
    };
    const auto older = testing::HasSubstr("that an older version of this program began");
    EXPECT_THAT(refusal([&] {
                    copy_store(
                        source, place, [](Reader&) {}, [](const CopyProgress&) {});
                }),
                older);
    EXPECT_THAT(refusal([&] { open_store_at(place); }), older);
}

void make_sqlite(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    const std::string all = sql + "PRAGMA application_id = 1447642956;";  // "VIGL"
    EXPECT_EQ(sqlite3_exec(db, all.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
}

std::string in_schema_of(const std::string& uri, const std::string& sql) {
    return "SET search_path = " + uri.substr(uri.rfind("%3D") + 3) + ";\n" + sql;
}

TEST(Upgrade, LeavesPartOfACopyOfVersion5OnSqliteAsItIs) {
    TemporaryFolder folder;
    make_sqlite(folder.file(), version_5(Engine::sqlite) + part_of_a_copy);
    expect_left_alone("sqlite:" + folder.file());
    sqlite::Connection db{folder.file(), SQLITE_OPEN_READWRITE};
    EXPECT_TRUE(db.run("SELECT 1 FROM meta WHERE name = 'schema_version' AND value = 5").next());
}

TEST(Upgrade, LeavesPartOfACopyOfVersion5OnPostgresAsItIs) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    const std::string uri = server->fresh_schema();
    server->run(in_schema_of(uri, version_5(Engine::postgres) + part_of_a_copy));
    expect_left_alone(uri);
    EXPECT_EQ(
        server->run(in_schema_of(uri, "SELECT value FROM meta WHERE name = 'schema_version'")),
        "5");
}

TEST(Upgrade, FromVersion5OnSqliteKeepsWhoTookEachCheck) {
    TemporaryFolder folder;
    make_sqlite(folder.file(), version_5(Engine::sqlite));
    expect_nothing_lost(*open_sqlite_store(folder.file()));
    EXPECT_EQ(read(*open_sqlite_store(folder.file()), [](Reader& r) { return r.answer_count(); }),
              5);
}

TEST(Upgrade, FromVersion5OnPostgresKeepsWhoTookEachCheck) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    const std::string uri = server->fresh_schema();
    server->run(in_schema_of(uri, version_5(Engine::postgres)));
    expect_nothing_lost(*open_postgres_store(uri));
    EXPECT_EQ(read(*open_postgres_store(uri), [](Reader& r) { return r.answer_count(); }), 5);
}

}  // namespace
}  // namespace vigil::verifier
