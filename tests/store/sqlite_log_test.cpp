#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <thread>
#include <unistd.h>

#include "tests/store/contract.hpp"
#include "verifier/store/sqlite/checkpointer.hpp"

namespace vigil::verifier::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t limit = 8 << 20;
constexpr std::int64_t commit_bytes = 512 << 10;

std::atomic<std::int64_t> written_to_database;

/// Writes as the system does, but carries only some 8 MB a second into the database.
ssize_t write_slowly(int file, const void* bytes, std::size_t size, off_t at) {
    constexpr std::int64_t at_once = 128 << 10;
    const std::string link = "/proc/self/fd/" + std::to_string(file);
    const std::string name = std::filesystem::read_symlink(link).filename();
    const auto count = static_cast<std::int64_t>(size);
    if (name == "vigil.db" && (written_to_database += count) % at_once < count)
        std::this_thread::sleep_for(16ms);
    return ::pwrite(file, bytes, size, at);
}

/// SQLite's own way for tests to stand between it and the system.
class SlowDatabase {
public:
    SlowDatabase() { set(reinterpret_cast<sqlite3_syscall_ptr>(&write_slowly)); }
    SlowDatabase(const SlowDatabase&) = delete;
    SlowDatabase& operator=(const SlowDatabase&) = delete;
    ~SlowDatabase() { set(nullptr); }

private:
    static void set(sqlite3_syscall_ptr call) {
        sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
        for (const char* const name : {"pwrite", "pwrite64"}) vfs->xSetSystemCall(vfs, name, call);
    }
};

/// A database whose log a checkpointer carries, and one writer.
class Logged {
public:
    Logged() {
        writer_.script(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
            "CREATE TABLE meta (name TEXT, value TEXT); CREATE TABLE rows (bytes BLOB)");
        checkpointer_.emplace(writer_, mutex_, limit);
    }
    /// So many commits, each a while after the transaction began, which is at once after the last.
    void commit(int times, std::int64_t bytes, std::chrono::milliseconds open) {
        for (int n = 0; n < times; ++n) {
            const std::scoped_lock lock{mutex_};
            writer_.script("BEGIN IMMEDIATE; INSERT INTO rows VALUES (randomblob(" +
                           std::to_string(bytes) + "))");
            std::this_thread::sleep_for(open);
            writer_.script("COMMIT");
        }
    }
    /// It never gets shorter.
    std::int64_t log_file() const {
        return static_cast<std::int64_t>(std::filesystem::file_size(folder_.file() + "-wal"));
    }

private:
    const TemporaryFolder folder_;
    Connection writer_{folder_.file(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    FairMutex mutex_;
    std::optional<Checkpointer> checkpointer_;
};

TEST(SqliteLog, IsBoundedWhereWritersOutrunTheDisk) {
    const SlowDatabase slow;
    Logged database;
    database.commit(100, commit_bytes, 0ms);
    EXPECT_GT(written_to_database, 20 * commit_bytes) << "the disk was slow";
    EXPECT_LE(database.log_file(), 2 * limit + 3 * commit_bytes);
}

/// All of the log is carried again and again, but never when a transaction begins.
TEST(SqliteLog, IsBoundedWhereOneTransactionFollowsTheOther) {
    constexpr std::int64_t bytes = Checkpointer::step + (64 << 10);
    Logged database;
    database.commit(12, bytes, 150ms);
    EXPECT_LE(database.log_file(), limit + 3 * bytes);
}

}  // namespace
}  // namespace vigil::verifier::sqlite
