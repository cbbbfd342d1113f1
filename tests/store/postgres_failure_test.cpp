// What a store on PostgreSQL makes of servers and connections that go, each of them a real one.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/store/contract.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;
using namespace std::chrono_literals;
using Kind = AnswerFate::Kind;

class PostgresFailure : public testing::Test {
protected:
    void SetUp() override {
        if (!PrivatePostgres::programs()) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    }
};

constexpr const char* cut_all =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE application_name = 'vigil-verifier'";

/// Offers answers of one device, three at a time, until told to stop; again, as a node does, when
/// the store could not take them. Remembers what was acknowledged.
class Writer {
public:
    Writer(Store& store, const Enrolled& enrolled) : store_{store}, enrolled_{enrolled} {
        thread_ = std::thread{[this] { run(); }};
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    ~Writer() { stop(); }
    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    std::size_t count() const { return count_; }
    const std::vector<AnswerFate>& acknowledged() const { return acknowledged_; }

private:
    void run() {
        for (std::uint64_t n = 0; !stopping_; n += 3) {
            std::vector<AnswerRecord> some;
            for (std::uint64_t i = n; i < n + 3; ++i)
                some.push_back(answer(enrolled_.node.ref, {hourly(enrolled_.first(), i)}, i));
            std::vector<const AnswerRecord*> pointers;
            for (const auto& one : some) pointers.push_back(&one);
            for (bool taken = false; !taken && !stopping_;) {
                try {
                    for (const auto& fate : store_.record(pointers)) acknowledged_.push_back(fate);
                    taken = true;
                    count_ = acknowledged_.size();
                } catch (const StoreFailed&) {
                    std::this_thread::sleep_for(50ms);
                }
            }
        }
    }

    Store& store_;
    const Enrolled& enrolled_;
    std::vector<AnswerFate> acknowledged_;
    std::atomic<std::size_t> count_{};
    std::atomic<bool> stopping_{};
    std::thread thread_;
};

void wait_for_more(const Writer& writer, std::size_t answers) {
    const std::size_t wanted = writer.count() + answers;
    const auto deadline = std::chrono::steady_clock::now() + 120s;
    while (writer.count() < wanted && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(5ms);
    ASSERT_GE(writer.count(), wanted) << "the store did not come back";
}

/// Everything acknowledged is there, once, as acknowledged, and numbered without gaps.
void expect_whole(Store& store, const Writer& writer) {
    std::vector<StoredAnswer> stored;
    store.read([&](Reader& r) {
        for (;;) {
            const auto part = r.answers_after(9, static_cast<std::int64_t>(stored.size()), 1'000);
            if (part.empty()) break;
            stored.insert(stored.end(), part.begin(), part.end());
        }
    });
    std::map<AnswerId, Instant> by_id;
    for (std::size_t i = 0; i < stored.size(); ++i) {
        EXPECT_EQ(stored[i].number, static_cast<std::int64_t>(i + 1));
        EXPECT_TRUE(by_id.emplace(stored[i].id, stored[i].received).second) << "twice";
    }
    for (const auto& fate : writer.acknowledged()) {
        EXPECT_TRUE(fate.kind == Kind::recorded || fate.kind == Kind::repeated);
        const auto found = by_id.find(fate.id);
        ASSERT_NE(found, by_id.end()) << "acknowledged and lost";
        EXPECT_EQ(found->second, fate.received);
    }
}

TEST_F(PostgresFailure, KilledServerLosesNothingAcknowledged) {
    PrivatePostgres server{{}};
    const auto store = open_postgres_store(server.uri());
    const auto enrolled = enrol(*store, 9, 1);
    Writer writer{*store, enrolled};
    for (int round = 0; round < 2; ++round) {
        wait_for_more(writer, 30);
        server.kill();
        std::this_thread::sleep_for(100ms);
        server.start();
    }
    wait_for_more(writer, 30);
    writer.stop();
    expect_whole(*store, writer);
}

TEST_F(PostgresFailure, CutConnectionsAreReplacedAndNothingIsDoubled) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const auto store = open_postgres_store(server.fresh_schema());
    const auto enrolled = enrol(*store, 9, 1);
    Writer writer{*store, enrolled};
    for (int round = 0; round < 15; ++round) {
        wait_for_more(writer, 6);
        server.run(cut_all);
        EXPECT_GT(read(*store, [](Reader& r) { return r.answer_count(); }), 0);
    }
    writer.stop();
    expect_whole(*store, writer);
    EXPECT_GT(store->health().failures, 0U);
}

TEST_F(PostgresFailure, TransactionCutInItsMiddleIsRepeatedAsAWhole) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const auto store = open_postgres_store(server.fresh_schema());
    int attempts = 0;
    store->write([&](Transaction& tx) {
        tx.add_heartbeat(1, at(1));
        if (++attempts < 3) server.run(cut_all);
        tx.add_heartbeat(2, at(2));
    });
    EXPECT_EQ(attempts, 3);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.heartbeats(at(0), at(9)); }).size(), 2U);
    EXPECT_EQ(store->health().failures, 2U);
}

TEST_F(PostgresFailure, LostAnswerToACommitIsFoundOutAndStillCalledRecorded) {
    PrivatePostgres server{{"fsync=off"}};
    const auto store = open_postgres_store(server.uri());
    const auto enrolled = enrol(*store, 9, 1);
    const auto one = answer(enrolled.node.ref, {hourly(enrolled.first(), 41)}, 1);
    const AnswerRecord* pointer = &one;
    // Commits wait for a standby that is not there: done on disk, not yet answered.
    server.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    server.run("SELECT pg_reload_conf()");
    std::this_thread::sleep_for(200ms);
    auto fates = std::async(std::launch::async, [&] { return store->record({&pointer, 1}); });
    const auto waiting = [&] {
        return server.run("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    };
    for (int i = 0; i < 2'000 && waiting() == "0"; ++i) std::this_thread::sleep_for(10ms);
    ASSERT_EQ(waiting(), "1");
    server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE wait_event = 'SyncRep'");
    server.run("ALTER SYSTEM RESET synchronous_standby_names");
    server.run("SELECT pg_reload_conf()");
    const auto fate = fates.get().at(0);
    EXPECT_EQ(fate.kind, Kind::recorded);
    EXPECT_EQ(fate.id, one.id);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.answer_count(); }), 1);
    EXPECT_GE(store->health().failures, 1U) << "the commit was answered";
}

TEST_F(PostgresFailure, StandbyTakesOverWithAllThatWasAcknowledged) {
    auto primary = std::make_unique<PrivatePostgres>(std::vector<std::string>{"fsync=off"});
    const auto standby = PrivatePostgres::standby_of(*primary, {"fsync=off"});
    primary->run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary->run("SELECT pg_reload_conf()");
    const std::string both =
        "postgresql:///vigil?user=vigil&host=" + primary->folder() + "," + standby->folder();
    const auto store = open_postgres_store(both);
    const auto enrolled = enrol(*store, 9, 1);
    for (int i = 0; i < 1'000 && primary->run("SELECT count(*) FROM pg_stat_replication"
                                              " WHERE sync_state = 'sync'") == "0";
         ++i)
        std::this_thread::sleep_for(20ms);
    Writer writer{*store, enrolled};
    wait_for_more(writer, 30);
    primary->kill();
    standby->promote();
    wait_for_more(writer, 30);
    writer.stop();
    EXPECT_EQ(standby->run("SELECT pg_is_in_recovery()"), "f");
    expect_whole(*store, writer);
}

TEST_F(PostgresFailure, DeadlockedTransactionsBothHappen) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const std::string uri = server.fresh_schema();
    const auto one = open_postgres_store(uri), other = open_postgres_store(uri);
    const auto a = enrol(*one, 9, 1), b = enrol(*one, 10, 2);
    std::atomic<int> holding{};
    const auto both = [&](Store& store, const Enrolled& first, const Enrolled& second,
                          std::uint64_t slot) {
        store.write([&](Transaction& tx) {
            tx.record(answer(first.node.ref, {hourly(first.first(), slot)}, slot));
            ++holding;
            for (int i = 0; i < 1'000 && holding < 2; ++i) std::this_thread::sleep_for(5ms);
            tx.record(answer(second.node.ref, {hourly(second.first(), slot)}, slot + 100));
        });
    };
    std::thread backwards{[&] { both(*other, b, a, 2); }};
    both(*one, a, b, 1);
    backwards.join();
    EXPECT_EQ(read(*one, [](Reader& r) { return r.answer_count(); }), 4);
    EXPECT_EQ(one->health().failures + other->health().failures, 1U);
}

/// Another process that stops itself in the middle of writing one answer.
class StoppedWriter {
public:
    explicit StoppedWriter(std::string uri) {
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error{"no pipe"};
        posix_spawn_file_actions_t files;
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&files, ends[0]);
        std::string program{DURABLE_WRITER}, stop{"stop"};
        char* const arguments[] = {program.data(), uri.data(), stop.data(), nullptr};
        const int failed =
            ::posix_spawn(&child_, DURABLE_WRITER, &files, nullptr, arguments, environ);
        posix_spawn_file_actions_destroy(&files);
        ::close(ends[1]);
        told_ = ends[0];
        int status = 0;
        if (failed != 0 || ::waitpid(child_, &status, WUNTRACED) != child_ || !WIFSTOPPED(status))
            throw std::runtime_error{"the other writer did not stop itself"};
    }
    StoppedWriter(const StoppedWriter&) = delete;
    StoppedWriter& operator=(const StoppedWriter&) = delete;
    ~StoppedWriter() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
        ::close(told_);
    }
    /// How often it had to begin; nothing when it could not write the answer.
    std::optional<std::uint64_t> go_on() const {
        ::kill(child_, SIGCONT);
        std::uint64_t attempts = 0;
        if (::read(told_, &attempts, sizeof attempts) != sizeof attempts) return std::nullopt;
        return attempts;
    }

private:
    pid_t child_ = -1;
    int told_ = -1;
};

TEST_F(PostgresFailure, WriterThatStandsStillLosesItsTransactionAndRepeatsItLater) {
    const std::string uri = PrivatePostgres::shared()->fresh_schema();
    const auto store = open_postgres_store(uri);
    const auto enrolled = enrol(*store, 9, 2);
    const StoppedWriter other{uri};
    // The bucket's row is the other's; its connection lives, and its machine answers.
    EXPECT_EQ(record(*store, answer(enrolled.node.ref, {hourly(enrolled.first(), 2)}, 2)).kind,
              Kind::recorded);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.answer_count(); }), 1) << "not both";
    EXPECT_EQ(other.go_on(), 2U);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.answer_count(); }), 2);
}

TEST_F(PostgresFailure, SerialisationFailuresAreRepeatedTenTimesAtMost) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const std::string uri = server.fresh_schema();
    const auto store = open_postgres_store(uri);
    const std::string schema = uri.substr(uri.rfind("%3D") + 3);
    const auto fail_below = [&](const std::string& times, const std::string& state) {
        server.run("SET search_path = " + schema +
                   "; CREATE SEQUENCE IF NOT EXISTS tries; ALTER SEQUENCE tries RESTART;"
                   " CREATE OR REPLACE FUNCTION " +
                   schema +
                   ".refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                   " IF nextval('" +
                   schema + ".tries') < " + times +
                   " THEN RAISE EXCEPTION 'could not serialize' USING ERRCODE = '" + state +
                   "'; END IF;"
                   " RETURN NEW; END $$;"
                   " CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON heartbeats"
                   " FOR EACH ROW EXECUTE FUNCTION " +
                   schema + ".refuse()");
    };
    fail_below("4", "40001");
    store->write([](Transaction& tx) { tx.add_heartbeat(1, at(1)); });
    EXPECT_EQ(store->health().failures, 3U);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.heartbeats(at(0), at(9)); }).size(), 1U);
    // A commit of which the server knows no more is looked for like one whose answer was lost.
    fail_below("2", "40003");
    store->write([](Transaction& tx) { tx.add_heartbeat(2, at(1)); });
    EXPECT_EQ(store->health().failures, 4U);
    fail_below("1000", "40001");
    EXPECT_THROW(store->write([](Transaction& tx) { tx.add_heartbeat(1, at(2)); }), StoreFailed);
    EXPECT_EQ(store->health().failures, 14U);
}

TEST_F(PostgresFailure, ProcessesStartingTogetherCreateOneSchema) {
    const std::string uri = PrivatePostgres::shared()->fresh_schema();
    std::vector<std::future<std::unique_ptr<Store>>> opened;
    for (int i = 0; i < 4; ++i)
        opened.push_back(std::async(std::launch::async, [&] { return open_postgres_store(uri); }));
    for (auto& one : opened) close(*one.get(), 7);
}

std::string refusal(const std::string& uri) {
    try {
        open_postgres_store(uri);
    } catch (const StoreFailed& failed) {
        return failed.what();
    }
    return {};
}

TEST_F(PostgresFailure, NewerOlderAndForeignSchemasAreRefused) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const std::string uri = server.fresh_schema();
    const std::string schema = uri.substr(uri.rfind("%3D") + 3);
    EXPECT_THROW(open_postgres_store_for_reading(uri), StoreFailed) << "nothing there yet";
    { const auto store = open_postgres_store(uri); }
    { const auto reading = open_postgres_store_for_reading(uri); }
    server.run("UPDATE " + schema + ".meta SET value = 99 WHERE name = 'schema_version'");
    EXPECT_THROW(open_postgres_store(uri), StoreTooNew);
    EXPECT_THROW(open_postgres_store_for_reading(uri), StoreTooNew);
    const std::string foreign = server.fresh_schema();
    server.run("CREATE TABLE " + foreign.substr(foreign.rfind("%3D") + 3) + ".photographs (n INT)");
    EXPECT_NE(refusal(foreign).find("not Vigil's"), std::string::npos) << refusal(foreign);
}

TEST_F(PostgresFailure, MessagesAndNamesHoldNoSecret) {
    const std::string with_password = refusal("postgresql://vigil:s3cret@localhost/vigil");
    EXPECT_NE(with_password.find("pgpass"), std::string::npos) << with_password;
    EXPECT_EQ(with_password.find("s3cret"), std::string::npos) << with_password;
    const std::string unreadable = refusal("postgresql://vigil:s3cret@local host:x/vigil");
    EXPECT_FALSE(unreadable.empty());
    EXPECT_EQ(unreadable.find("s3cret"), std::string::npos) << unreadable;
    EXPECT_NE(refusal("postgresql://vigil@localhost/vigil?passfile=/etc/passwd").find("chmod 600"),
              std::string::npos);
}

TEST_F(PostgresFailure, PasswordComesFromAFileThatNobodyElseReads) {
    PrivatePostgres& server = *PrivatePostgres::shared();
    const TemporaryFolder folder;
    const auto write = [&](const std::string& file, const std::string& text) {
        std::ofstream{file} << text;
        std::filesystem::permissions(file, std::filesystem::perms{0600});
        return file;
    };
    const std::string uri = server.fresh_schema();
    const std::string file = write(folder.file("password"), "*:*:*:*:s3cret\n");
    EXPECT_EQ(refusal(uri + "&passfile=" + file), "");
    std::filesystem::permissions(file, std::filesystem::perms{0640});
    EXPECT_NE(refusal(uri + "&passfile=" + file).find("chmod 600"), std::string::npos);

    const auto expect_told = [](const std::string& refused) {
        EXPECT_NE(refused.find("pgpass"), std::string::npos) << refused;
        EXPECT_EQ(refused.find("s3cret"), std::string::npos) << refused;
    };
    ::setenv("PGPASSWORD", "s3cret", 1);
    expect_told(refusal(uri));
    ::unsetenv("PGPASSWORD");
    ::setenv("PGSERVICEFILE", write(folder.file("services"), "[db]\npassword=s3cret\n").c_str(), 1);
    expect_told(refusal(uri + "&service=db"));
    ::unsetenv("PGSERVICEFILE");
    EXPECT_EQ(refusal(uri), "");
}

TEST_F(PostgresFailure, WrongPasswordIsToldWithoutIt) {
    PrivatePostgres server{{"fsync=off"}};
    const TemporaryFolder folder;
    const std::string file = folder.file("password");
    std::ofstream{file} << "*:*:*:vigil:s3cret\n";
    std::filesystem::permissions(file, std::filesystem::perms{0600});
    server.run("ALTER USER vigil PASSWORD 'another'");
    server.ask_for_passwords();
    const std::string refused = refusal(server.uri("&passfile=" + file));
    EXPECT_NE(refused.find("check the user, its password file"), std::string::npos) << refused;
    EXPECT_EQ(refused.find("s3cret"), std::string::npos) << refused;
    std::ofstream{file} << "*:*:*:vigil:another\n";
    EXPECT_EQ(refusal(server.uri("&passfile=" + file)), "");
}

}  // namespace
}  // namespace vigil::verifier
