#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/store/contract.hpp"
#include "verifier/store/schema.hpp"
#include "verifier/store/schema_version.hpp"

namespace vigil::verifier {
namespace {

using namespace samples;

/// The words a refusal to open comes with; empty when it opened.
std::string refusal(const std::string& path) {
    try {
        open_sqlite_store(path);
        return "";
    } catch (const StoreFailed& failed) {
        return failed.what();
    }
}

void expect_words(const std::string& text, std::initializer_list<const char*> words) {
    for (const char* word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
}

void execute(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(db);
    sqlite3_close(db);
}

TEST(SqliteFile, KeepsEverythingOverAReopening) {
    TemporaryFolder folder;
    std::string nodes;
    {
        const auto store = open_sqlite_store(folder.file());
        const auto e = enrol(*store, 9, 1);
        record(*store, answer(e.node.ref, {hourly(e.first(), 41)}, 1));
        close(*store, 10);
        nodes = text(e.node);
    }
    const auto store = open_sqlite_store(folder.file());
    store->read([&](Reader& r) {
        EXPECT_EQ(text(r.nodes().at(0)), nodes);
        EXPECT_EQ(r.verdicts_of({10}).size(), 1U);
        EXPECT_EQ(r.last_closed_window(), WindowIndex{10});
    });
}

class Writer {
public:
    explicit Writer(const std::string& path) {
        int ends[2];
        if (::pipe(ends) != 0) throw std::runtime_error{"no pipe"};
        child_ = ::fork();
        if (child_ == 0) {
            ::dup2(ends[1], STDOUT_FILENO);
            ::close(ends[0]);
            ::execl(DURABLE_WRITER, DURABLE_WRITER, path.c_str(), nullptr);
            ::_exit(127);
        }
        ::close(ends[1]);
        acknowledged_ = ends[0];
    }
    /// Kills it once it acknowledged `enough` answers; the last one it acknowledged.
    std::uint64_t kill_after(std::uint64_t enough) {
        std::uint64_t last = 0, n = 0, seen = 0;
        while (::read(acknowledged_, &n, sizeof n) == sizeof n) {
            last = n;
            if (++seen == enough) ::kill(child_, SIGKILL);
        }
        ::close(acknowledged_);
        ::waitpid(child_, nullptr, 0);
        return last;
    }

private:
    pid_t child_{};
    int acknowledged_{};
};

TEST(SqliteFile, EveryAcknowledgedAnswerOutlivesAKilledProcess) {
    TemporaryFolder folder;
    std::uint64_t acknowledged = 0;
    for (const std::uint64_t enough : {1, 50, 333}) {
        const std::uint64_t last = Writer{folder.file()}.kill_after(enough);
        ASSERT_GE(last, acknowledged + enough);
        acknowledged = last;
        const auto store = open_sqlite_store(folder.file());
        store->read([&](Reader& r) {
            const NodeRef node = r.nodes().at(0).ref;
            // The one in flight may be there too.
            EXPECT_GE(r.answer_count(), static_cast<std::int64_t>(acknowledged));
            EXPECT_LE(r.answer_count(), static_cast<std::int64_t>(acknowledged) + 1);
            for (std::uint64_t n = 1; n <= acknowledged; ++n) {
                EXPECT_TRUE(r.answer(bytes<AnswerId>(5, n), node)) << n;
                EXPECT_EQ(
                    r.checks_in(r.devices().at(0).ref, {static_cast<std::int64_t>(n / 4)}).empty(),
                    false);
            }
        });
    }
}

TEST(SqliteFile, SecondVerifierOnTheSameStoreIsRefused) {
    TemporaryFolder folder;
    const auto store = open_sqlite_store(folder.file());
    expect_words(refusal(folder.file()), {folder.file().c_str(), "another verifier is running",
                                          std::to_string(::getpid()).c_str()});
    std::filesystem::create_symlink(folder.file(), folder.file("alias.db"));
    expect_words(refusal(folder.file("alias.db")), {"another verifier is running"});

    const pid_t child = ::fork();
    if (child == 0) {  // and from another process
        ::execl(DURABLE_WRITER, DURABLE_WRITER, folder.file().c_str(), nullptr);
        ::_exit(127);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(SqliteFile, LockGoesWithItsHolder) {
    TemporaryFolder folder;
    { const auto store = open_sqlite_store(folder.file()); }
    EXPECT_EQ(refusal(folder.file()), "");
}

TEST(SqliteFile, NewerSchemaIsRefusedAndUntouched) {
    TemporaryFolder folder;
    { const auto store = open_sqlite_store(folder.file()); }
    execute(folder.file(), "UPDATE meta SET value = 99 WHERE name = 'schema_version'");
    EXPECT_THROW(open_sqlite_store(folder.file()), StoreTooNew);
    const std::string newest = std::to_string(schema_steps().back().version);
    expect_words(refusal(folder.file()),
                 {folder.file().c_str(), "99", newest.c_str(), "newer program"});
    const std::string back = "UPDATE meta SET value = " + newest + " WHERE name = 'schema_version'";
    execute(folder.file(), back);
    EXPECT_EQ(refusal(folder.file()), "");
}

TEST(SqliteFile, AFirstSchemaIsBroughtUpToDateWithWhatItHolds) {
    TemporaryFolder folder;
    execute(folder.file(), (text_for(Engine::sqlite, schema_steps().front().sql) +
                            "PRAGMA application_id = 1447642956;"  // "VIGL"
                            "INSERT INTO meta VALUES ('schema_version', 1);"
                            "INSERT INTO closed_windows VALUES (10, 1234), (11, 5678)"));
    const auto store = open_sqlite_store(folder.file());
    store->read([&](Reader& r) {
        EXPECT_EQ(r.last_closed_window(), WindowIndex{11});
        ASSERT_TRUE(r.last_closing());
        EXPECT_EQ(r.last_closing()->window, WindowIndex{11});
        EXPECT_EQ(r.last_closing()->closed, instant_from_ms(5678));
    });
    close(*store, 12);
    EXPECT_THROW(close(*store, 14), StoreFailed);
}

TEST(SqliteFile, ForeignDatabaseIsRefusedAndUntouched) {
    TemporaryFolder folder;
    execute(folder.file(), "CREATE TABLE photographs (name TEXT); PRAGMA journal_mode = DELETE");
    std::ifstream before{folder.file(), std::ios::binary};
    const std::string content{std::istreambuf_iterator<char>{before}, {}};
    expect_words(refusal(folder.file()), {folder.file().c_str(), "not a store of Vigil"});
    std::ifstream after{folder.file(), std::ios::binary};
    EXPECT_EQ((std::string{std::istreambuf_iterator<char>{after}, {}}), content);
}

TEST(SqliteFile, FileThatIsNoDatabaseIsRefused) {
    TemporaryFolder folder;
    std::ofstream{folder.file()} << std::string(10'000, 'x');
    expect_words(refusal(folder.file()), {folder.file().c_str(), "not a database", "backup"});
}

TEST(SqliteFile, DamagedPagesFailTheReadNotTheProcess) {
    TemporaryFolder folder;
    {
        const auto store = open_sqlite_store(folder.file());
        const auto e = enrol(*store, 9, 1);
        store->write([&](Transaction& tx) {
            for (std::uint64_t n = 1; n <= 2'000; ++n)
                tx.record(answer(e.node.ref, {hourly(e.first(), n)}, n));
        });
    }
    {
        const auto size = std::filesystem::file_size(folder.file());
        ASSERT_GT(size, 400'000U);
        std::fstream file{folder.file(), std::ios::in | std::ios::out | std::ios::binary};
        file.seekp(200'000);
        file << std::string(size - 200'000, '\xa5');
    }
    const auto store = open_sqlite_store(folder.file());
    try {
        store->read([](Reader& r) {
            for (std::int64_t w = 0; w < 500; ++w) r.verdicts_of({w});
        });
        FAIL() << "damage went unnoticed";
    } catch (const StoreFailed& failed) {
        expect_words(failed.what(), {folder.file().c_str(), "malformed", "backup"});
    }
}

TEST(SqliteFile, WrongPlacesAreNamed) {
    TemporaryFolder folder;
    expect_words(refusal(folder.file("missing/vigil.db")), {"missing", "does not exist"});
    std::filesystem::create_directory(folder.file("folder"));
    expect_words(refusal(folder.file("folder")), {"folder", "not a regular file"});
    expect_words(refusal(""), {"not a usable path"});
}

TEST(SqliteFile, NameWithoutAFolderIsInTheWorkingFolder) {
    TemporaryFolder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(std::filesystem::path{folder.file()}.parent_path());
    EXPECT_NO_THROW(open_sqlite_store("bare.db"));
    std::filesystem::current_path(before);
    EXPECT_TRUE(std::filesystem::exists(folder.file("bare.db")));
}

TEST(SqliteFile, NobodyElseMayReadIt) {
    TemporaryFolder folder;
    std::ofstream{folder.file()}.flush();
    std::filesystem::permissions(folder.file(), std::filesystem::perms{0644});
    const auto store = open_sqlite_store(folder.file());
    enrol(*store, 9, 1);
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
        struct stat state {};
        ASSERT_EQ(::stat((folder.file() + suffix).c_str(), &state), 0) << suffix;
        EXPECT_EQ(state.st_mode & 0777, 0600U) << suffix;
    }
}

TEST(SqliteFile, UnwritableFileIsRefused) {
    TemporaryFolder folder;
    { const auto store = open_sqlite_store(folder.file()); }
    std::filesystem::permissions(folder.file(), std::filesystem::perms{0400});
    std::filesystem::permissions(folder.file() + ".lock", std::filesystem::perms{0666});
    std::filesystem::permissions(std::filesystem::path{folder.file()}.parent_path(),
                                 std::filesystem::perms{0777});
    const pid_t child = ::fork();
    if (child == 0) {  // root may write everything, so not as root
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(3);
        const std::string words = refusal(folder.file());
        ::_exit(words.find("cannot be opened for writing: Permission denied") != std::string::npos
                    ? 0
                    : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(SqliteFile, WriteWaitsForAForeignProgramThatHoldsTheFile) {
    TemporaryFolder folder;
    const auto store = open_sqlite_store(folder.file());
    sqlite3* shell = nullptr;
    ASSERT_EQ(sqlite3_open(folder.file().c_str(), &shell), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(shell, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    std::thread user{[&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{1'500});  // over one busy timeout
        sqlite3_exec(shell, "ROLLBACK", nullptr, nullptr, nullptr);
    }};
    int attempts = 0;
    store->write([&](Transaction& tx) {
        ++attempts;
        tx.add_heartbeat(0, at(0));
    });
    user.join();
    sqlite3_close(shell);
    EXPECT_EQ(attempts, 1);
    EXPECT_EQ(read(*store, [](Reader& r) { return r.heartbeats(at(0), at(1)); }).size(), 1U);
}

TEST(SqliteFile, LogIsCarriedIntoTheDatabaseWhileItRuns) {
    TemporaryFolder folder;
    const auto store = open_sqlite_store(folder.file());
    const auto e = enrol(*store, 9, 1);
    std::uintmax_t largest_log = 0;
    std::uint64_t written = 0;
    for (std::uint64_t n = 1; n <= 1'500; ++n) {  // 200 KB each, as fast as it goes
        auto one = answer(e.node.ref, {hourly(e.first(), n)}, n);
        one.signed_bytes.assign(200'000, 7);
        written += one.signed_bytes.size();
        record(*store, one);
        largest_log = std::max(largest_log, std::filesystem::file_size(folder.file() + "-wal"));
    }
    EXPECT_LT(largest_log, 200U << 20) << "of " << written;
    EXPECT_GT(std::filesystem::file_size(folder.file()), 100U << 20);
}

}  // namespace
}  // namespace vigil::verifier
