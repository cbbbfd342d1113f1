#include "verifier/store/copy.hpp"

#include <gmock/gmock.h>

#include "tests/store/contract.hpp"
#include "verifier/store/open_store.hpp"
#include "verifier/store/postgres/connection.hpp"
#include "verifier/store/sqlite/connection.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

/// A network with a bit of everything, and everything of it as text.
void fill(Store& store) {
    store.write([](Transaction& tx) {
        tx.found({.network_name = "n", .programme_start_day = {1}, .founded = at(0)});
        tx.add_heartbeat(1, at(1));
        tx.add_day_key({.day = {1},
                        .key = bytes<DayKey>(1, 1),
                        .commit = bytes<Commit>(2, 2),
                        .committed = at(0),
                        .revealed = at(5)});
    });
    for (std::uint8_t bucket = 3; bucket < 6; ++bucket) {
        const auto e = enrol(store, bucket, bucket, 2);
        for (std::uint64_t n = 0; n < 300; ++n)  // more than a page of the copy
            record(store, answer(e.node.ref, {hourly(e.first(), n)}, n));
        record(store, unjudged(answer(e.node.ref, {hourly(e.first(), 900)}, 901)));
    }
    // A CPU has no driver, and names may be empty.
    auto owner = samples::node(6, 6);
    owner.name.clear();
    std::vector<DeviceRecord> named{samples::device(6, 6)};
    named[0].driver.clear();
    store.write([&](Transaction& tx) { tx.enrol(samples::entry(owner.id, 6), owner, named); });
    close(store, 10);
}

std::string everything(Store& store) {
    std::string out;
    store.read([&](Reader& r) {
        const auto add = [&](const std::vector<std::string>& lines) {
            for (const auto& line : lines) out += line + "\n";
        };
        out += r.genesis().value().network_name;
        add(texts(r.nodes()));
        add(texts(r.devices()));
        add(texts(r.enrolments(0, 1'000)));
        for (std::int64_t w = 0; w < 80; ++w) add(texts(r.verdicts_of({w})));
        for (int bucket = 0; bucket < 256; ++bucket)
            add(texts(r.answers_after(static_cast<std::uint8_t>(bucket), 0, 1'000)));
        add(texts(r.unjudged_answers({225})));
        for (const auto& key : r.day_keys({0}, 9)) out += to_hex(key.key) + "\n";
        out += std::to_string(r.enrolment_count());
    });
    return out;
}

std::string refusal(const std::string& from, const std::string& to) {
    try {
        copy_store(
            from, to, [](Reader&) {}, [](const CopyProgress&) {});
    } catch (const StoreFailed& failed) {
        return failed.what();
    }
    return {};
}

struct Ended {};

class CopyOnPostgres : public testing::Test {
protected:
    void SetUp() override {
        if (!PrivatePostgres::programs()) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
        fill(*open_sqlite_store(source));
        expected = everything(*open_sqlite_store_for_reading(source));
    }
    TemporaryFolder folder;
    const std::string source = folder.file();
    std::string expected;
};

TEST_F(CopyOnPostgres, ThereAndBackNothingIsLost) {
    const std::string there = PrivatePostgres::shared()->fresh_schema();
    std::int64_t seen = 0;
    const auto rows = copy_store(
        "sqlite:" + source, there, [](Reader& r) { EXPECT_EQ(r.answer_count(), 903); },
        [&](const CopyProgress& progress) {
            EXPECT_LE(progress.rows, progress.of_rows);
            seen = progress.rows;
        });
    EXPECT_EQ(everything(*open_postgres_store_for_reading(there)), expected);
    std::int64_t sum = 0;
    for (const auto& [table, in_it] : rows) sum += in_it;
    EXPECT_EQ(seen, sum);
    EXPECT_NE(refusal("sqlite:" + source, there).find("holds a network already"),
              std::string::npos);

    const std::string back = "sqlite:" + folder.file("back.db");
    copy_store(
        there, back, [](Reader&) {}, [](const CopyProgress&) {});
    EXPECT_EQ(everything(*open_store_at_for_reading(back)), expected);
}

TEST_F(CopyOnPostgres, EndedAnywhereItGoesOnAndNobodyUsesThePart) {
    const std::string there = PrivatePostgres::shared()->fresh_schema();
    for (int pages = 1; pages < 20; pages += 3) {
        int left = pages;
        const auto end_soon = [&](const CopyProgress&) {
            if (--left == 0) throw Ended{};
        };
        // The last of these come to the end, and are not verified.
        EXPECT_THROW(copy_store(
                         source, there, [](Reader&) { throw Ended{}; }, end_soon),
                     Ended);
        EXPECT_THROW(open_postgres_store(there), StoreFailed);
        EXPECT_THROW(open_postgres_store_for_reading(there), StoreFailed);
    }
    EXPECT_EQ(refusal(source, there), "");
    EXPECT_EQ(everything(*open_postgres_store_for_reading(there)), expected);
}

TEST_F(CopyOnPostgres, RefusesWhatIsInUseForeignOrMissing) {
    const std::string there = PrivatePostgres::shared()->fresh_schema();
    EXPECT_NE(refusal(folder.file("none.db"), there).find("no such file"), std::string::npos);
    const std::string empty = folder.file("empty.db");
    { const auto store = open_sqlite_store(empty); }
    EXPECT_NE(refusal(empty, there).find("no network"), std::string::npos);
    {
        const auto running = open_sqlite_store(source);
        EXPECT_NE(refusal(source, there).find("another verifier"), std::string::npos);
    }
    EXPECT_EQ(refusal(source, there), "");
    const auto running = open_postgres_store(there);
    std::optional<Lease> lease;
    running->write([&](Transaction& tx) {
        lease = tx.take_lease("books", "somebody", std::chrono::seconds{60});
    });
    EXPECT_NE(refusal(there, folder.file("copy.db")).find("running"), std::string::npos);
}

/// Two pages of a copy.
void begin_copy(const std::string& from, const std::string& to) {
    int left = 2;
    EXPECT_THROW(copy_store(
                     from, to, [](Reader&) {},
                     [&](const CopyProgress&) {
                         if (--left == 0) throw Ended{};
                     }),
                 Ended);
}

/// What a verifier leaves that was started and stopped.
void run_on(const std::string& place) {
    open_store_at(place)->write([](Transaction& tx) {
        const auto lease = tx.take_lease("replica/0", "somebody", std::chrono::seconds{15});
        tx.release_lease(*lease);
    });
}

/// From one engine to another.
struct Ends {
    bool postgres_source, postgres_target;
};

class CopyThatGoesOn : public testing::TestWithParam<Ends> {
protected:
    void SetUp() override {
        const auto [from_postgres, to_postgres] = GetParam();
        if ((from_postgres || to_postgres) && !PrivatePostgres::programs())
            GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
        source = "sqlite:" + folder.file();
        fill(*open_store_at(source));
        if (from_postgres) {
            const std::string there = PrivatePostgres::shared()->fresh_schema();
            EXPECT_EQ(refusal(source, there), "");
            source = there;
        }
        target = to_postgres ? PrivatePostgres::shared()->fresh_schema()
                             : "sqlite:" + folder.file("target.db");
        begin_copy(source, target);
    }
    TemporaryFolder folder;
    std::string source, target;
};

INSTANTIATE_TEST_SUITE_P(Each, CopyThatGoesOn,
                         testing::Values(Ends{false, false}, Ends{false, true}, Ends{true, false}),
                         [](const testing::TestParamInfo<Ends>& ends) {
                             return std::string{ends.param.postgres_source ? "postgres"
                                                                           : "sqlite"} +
                                    "_to_" + (ends.param.postgres_target ? "postgres" : "sqlite");
                         });

TEST_P(CopyThatGoesOn, RefusesASourceThatAVerifierRanOnSince) {
    run_on(source);
    bool copied = false;
    try {
        copy_store(
            source, target, [](Reader&) {}, [&](const CopyProgress&) { copied = true; });
        FAIL() << "tables of two moments stand beside each other";
    } catch (const StoreFailed& failed) {
        EXPECT_THAT(failed.what(), testing::HasSubstr("a verifier ran on that since"));
        EXPECT_THAT(failed.what(), testing::HasSubstr("begin again"));
    }
    EXPECT_FALSE(copied);
    EXPECT_THROW(open_store_at(target), StoreFailed);
}

TEST_P(CopyThatGoesOn, IsNoSourceBeforeItsEnd) {
    EXPECT_THAT(refusal(target, folder.file("third.db")), testing::HasSubstr("not been finished"));
}

TEST_P(CopyThatGoesOn, TakesTheSameSourceAgain) {
    EXPECT_EQ(refusal(source, target), "");
    EXPECT_EQ(everything(*open_store_at_for_reading(target)),
              everything(*open_store_at_for_reading(source)));
}

TEST(Copy, RefusesAnOlderBackupOfTheSourceItBeganWith) {
    TemporaryFolder folder;
    const std::string source = folder.file(), backup = folder.file("backup.db"),
                      target = folder.file("target.db");
    fill(*open_sqlite_store(source));
    std::filesystem::copy_file(source, backup);
    run_on(source);
    begin_copy(source, target);
    EXPECT_THAT(refusal(backup, target), testing::HasSubstr("or it is another copy"));
    EXPECT_EQ(refusal(source, target), "");
}

/// An older program's copy says nothing of its source.
TEST(Copy, RefusesToGoOnWithWhatAnOlderProgramBegan) {
    TemporaryFolder folder;
    const std::string source = folder.file(), target = folder.file("target.db");
    fill(*open_sqlite_store(source));
    begin_copy(source, target);
    sqlite::Connection{target, SQLITE_OPEN_READWRITE}.script(
        "DELETE FROM meta WHERE name = 'copied_source'");
    EXPECT_THAT(refusal(source, target), testing::HasSubstr("only that version can finish it"));
}

/// The target waits in its transaction while the source counts rows, for minutes where it is large.
TEST(CopyToPostgres, ACopyMayStandStillInItsTransactionAndAVerifierMayNot) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    postgres::Connection db{
        postgres::Address{server->fresh_schema(), postgres::Address::Use::writing}};
    const auto limit = [&db] {
        db.begin_writing();
        std::string text;
        sql::Rows rows = db.run("SELECT current_setting('idle_in_transaction_session_timeout')");
        if (rows.next()) rows.into(text);
        db.commit();
        return text;
    };
    EXPECT_EQ(limit(), "10s");
    db.stay_as_long_as_it_takes();
    EXPECT_EQ(limit(), "0");
}

}  // namespace
}  // namespace vigil::verifier
