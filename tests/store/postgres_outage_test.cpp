// What a store on PostgreSQL makes of servers that are away, tuned or only read, each of them a
// real one.
#include <chrono>
#include <deque>
#include <future>
#include <thread>

#include "tests/store/contract.hpp"
#include "verifier/store/postgres/pool.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using Kind = AnswerFate::Kind;

class PostgresOutage : public testing::Test {
protected:
    void SetUp() override {
        if (!PrivatePostgres::programs()) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    }
};

/// Why a store cannot be opened, and whether it may be later with nobody's help.
struct Refusal {
    bool away{};
    std::string words;
};
Refusal refusal(const std::string& uri) {
    try {
        open_postgres_store(uri);
    } catch (const StoreAway& failed) {
        return {.away = true, .words = failed.what()};
    } catch (const StoreFailed& failed) {
        return {.away = false, .words = failed.what()};
    }
    return {.away = false, .words = "it can be opened"};
}

TEST_F(PostgresOutage, WhatIsAwayIsToldFromWhatWaitingCannotMend) {
    PrivatePostgres server{{"fsync=off"}};
    const auto expect_hopeless = [&](const std::string& who, const std::string& advice) {
        const Refusal refused = refusal("postgresql://" + who + "?host=" + server.folder());
        EXPECT_FALSE(refused.away) << refused.words;
        EXPECT_NE(refused.words.find(advice), std::string::npos) << refused.words;
    };
    expect_hopeless("vigil@/nothing", "createdb");
    expect_hopeless("stranger@/vigil", "check the user");
    { const auto store = open_postgres_store(server.uri()); }
    server.kill();
    const Refusal refused = refusal(server.uri());
    EXPECT_TRUE(refused.away) << refused.words;
    EXPECT_NE(refused.words.find("check that the server runs"), std::string::npos) << refused.words;
}

TEST_F(PostgresOutage, OneConnectionTooManyCostsNoneOfTheOthers) {
    PrivatePostgres server{{"fsync=off", "max_connections=5"}};
    const postgres::Address address{server.uri(), postgres::Address::Use::writing};
    postgres::Pool pool{address, 9};
    const auto backend = [](postgres::Connection& db) {
        std::int64_t process = 0;
        sql::Rows rows = db.run("SELECT pg_backend_pid()::bigint");
        if (rows.next()) rows.into(process);
        return process;
    };
    std::int64_t first = 0;
    {
        postgres::Pool::Loan one{pool};
        first = backend(*one);
        std::deque<postgres::Pool::Loan> others;
        EXPECT_THROW(while (others.size() < 8) others.emplace_back(pool), StoreAway);
    }
    postgres::Pool::Loan again{pool};
    EXPECT_EQ(backend(*again), first);
}

TEST_F(PostgresOutage, ServerThatHangsIsLeftForTheOneThatWasPromoted) {
    const auto primary = std::make_unique<PrivatePostgres>(std::vector<std::string>{"fsync=off"});
    const auto standby = PrivatePostgres::standby_of(*primary, {"fsync=off"});
    EXPECT_TRUE(refusal(standby->uri()).away) << "it may be promoted";
    const auto store = open_postgres_store(
        "postgresql:///vigil?user=vigil&host=" + primary->folder() + "," + standby->folder());
    primary->run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary->run("SELECT pg_reload_conf()");
    for (int i = 0; i < 1'000 && primary->run("SELECT count(*) FROM pg_stat_replication"
                                              " WHERE sync_state = 'sync'") == "0";
         ++i)
        std::this_thread::sleep_for(20ms);
    const auto enrolled = enrol(*store, 9, 1);
    const auto answer_of = [&](std::uint64_t slot) {
        return answer(enrolled.node.ref, {hourly(enrolled.first(), slot)}, slot);
    };
    EXPECT_EQ(record(*store, answer_of(1)).kind, Kind::recorded);
    const auto beat_at = [&](std::int64_t ms) {
        store->write_punctual([ms](Transaction& tx) { tx.add_heartbeat(1, at(ms)); });
    };
    beat_at(1);

    std::promise<void> frozen;
    std::promise<void> reading;
    auto read_on = std::async(std::launch::async, [&] {
        store->read([&](Reader& r) {
            reading.set_value();
            frozen.get_future().wait();
            r.nodes();
        });
    });
    reading.get_future().wait();
    primary->freeze();
    const auto begun = std::chrono::steady_clock::now();
    frozen.set_value();
    auto fate = std::async(std::launch::async, [&] { return record(*store, answer_of(2)).kind; });
    auto beat = std::async(std::launch::async, [&] {
        beat_at(2);
        return std::chrono::steady_clock::now() - begun;
    });
    standby->promote();
    EXPECT_EQ(fate.get(), Kind::recorded);
    EXPECT_LT(beat.get(), 30s) << "there is a gap, and checks are void";
    EXPECT_THROW(read_on.get(), StoreFailed);
    // An answer may take two minutes and a half where nothing speaks against the server.
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 100s);
    EXPECT_EQ(standby->run("SELECT count(*) FROM answers"), "2");
    EXPECT_EQ(read(*store, [](Reader& r) { return r.heartbeats(at(0), at(9)); }).size(), 2U);
}

TEST_F(PostgresOutage, LockThatAnotherHoldsIsNoServerThatHangs) {
    const postgres::Address address{PrivatePostgres::shared()->fresh_schema(),
                                    postgres::Address::Use::writing};
    postgres::Connection holder{address};
    holder.script("CREATE TABLE held (n BIGINT)");
    holder.begin_writing();
    holder.script("LOCK TABLE held");
    postgres::Connection db{address, {}, {.longest = 2s}};
    EXPECT_THROW(db.script("SELECT n FROM held"), postgres::TryAgain);
    db.rollback();
    EXPECT_TRUE(db.usable()) << "all others would be dropped with it";
}

TEST_F(PostgresOutage, StatementThatTookTooLongMayBeQuickerLater) {
    postgres::Connection db{postgres::Address{PrivatePostgres::shared()->fresh_schema(),
                                              postgres::Address::Use::writing}};
    db.script("SET statement_timeout = '10ms'");
    EXPECT_THROW(db.script("SELECT pg_sleep(60)"), StoreAway);
}

TEST_F(PostgresOutage, AnswersOutliveAnOutageWithTheTimeTheyCameAt) {
    PrivatePostgres server{{"fsync=off"}};
    const auto store = open_postgres_store(server.uri());
    const auto enrolled = enrol(*store, 9, 1);
    const AnswerRecord one = answer(enrolled.node.ref, {hourly(enrolled.first(), 0)}, 77);
    server.kill();
    auto fate = std::async(std::launch::async, [&] {
        const AnswerRecord* answers[] = {&one};
        return store->record(answers).at(0);
    });
    // Longer than ten attempts last.
    std::this_thread::sleep_for(8s);
    server.start();
    const AnswerFate kept = fate.get();
    EXPECT_EQ(kept.kind, Kind::recorded);
    EXPECT_EQ(kept.received, one.received);
}

TEST_F(PostgresOutage, CommitsReachTheDiskWhateverTheDatabaseIsTunedTo) {
    PrivatePostgres server{{"fsync=off"}};
    server.run("ALTER DATABASE vigil SET synchronous_commit = off");
    const postgres::Address address{server.uri(), postgres::Address::Use::writing};
    const auto setting = [&] {
        postgres::Connection db{address};
        db.begin_writing();
        std::string value;
        sql::Rows rows = db.run("SELECT current_setting('synchronous_commit')");
        if (rows.next()) rows.into(value);
        return value;
    };
    EXPECT_EQ(setting(), "on");
    server.run("ALTER DATABASE vigil SET synchronous_commit = remote_apply");
    EXPECT_EQ(setting(), "remote_apply") << "what is safer is left alone";
}

TEST_F(PostgresOutage, ServerThatTurnsReadOnlyIsLeftForOneThatWrites) {
    const auto first = std::make_unique<PrivatePostgres>(std::vector<std::string>{"fsync=off"});
    const auto standby = PrivatePostgres::standby_of(*first, {"fsync=off"});
    const auto store = open_postgres_store(
        "postgresql:///vigil?user=vigil&host=" + first->folder() + "," + standby->folder());
    enrol(*store, 9, 1);
    const std::string written = first->run("SELECT pg_current_wal_lsn()");
    for (int i = 0; i < 1'000 && standby->run("SELECT coalesce(pg_last_wal_replay_lsn() >= '" +
                                              written + "', false)") != "t";
         ++i)
        std::this_thread::sleep_for(20ms);
    standby->promote();
    first->run("ALTER SYSTEM SET default_transaction_read_only = on");
    first->run("SELECT pg_reload_conf()");
    // Sessions that stand still take it over before their next statement, once they were told.
    for (int i = 0; i < 1'000 && first->run("SHOW default_transaction_read_only") != "on"; ++i)
        std::this_thread::sleep_for(20ms);
    std::this_thread::sleep_for(500ms);
    enrol(*store, 9, 2);
    EXPECT_EQ(standby->run("SELECT count(*) FROM nodes"), "2");
    EXPECT_EQ(read(*store, [](Reader& r) { return r.nodes(); }).size(), 2U)
        << "read from the server that is no longer written";
}

TEST_F(PostgresOutage, StatementsOfAnUpgradeMayTakeLong) {
    PrivatePostgres server{{"fsync=off"}};
    postgres::Connection db{postgres::Address{server.uri(), postgres::Address::Use::writing}};
    const auto limit = [&db] {
        std::string text;
        sql::Rows rows = db.run("SELECT current_setting('statement_timeout')");
        if (rows.next()) rows.into(text);
        return text;
    };
    db.begin_writing();
    db.let_statements_take_long();
    EXPECT_EQ(limit(), "0");
    db.commit();
    db.begin_writing();
    EXPECT_EQ(limit(), "2min") << "of that transaction alone";
    db.commit();
}

}  // namespace
}  // namespace vigil::verifier
