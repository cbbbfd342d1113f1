#include <atomic>
#include <chrono>
#include <mutex>
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
constexpr int commits = 100;

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

TEST(SqliteLog, IsBoundedWhereWritersOutrunTheDisk) {
    const TemporaryFolder folder;
    const std::string file = folder.file();
    Connection writer{file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    writer.script(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;"
        "CREATE TABLE meta (name TEXT, value TEXT); CREATE TABLE rows (bytes BLOB)");
    FairMutex mutex;
    const SlowDatabase slow;
    std::int64_t largest = 0;
    {
        Checkpointer checkpointer{writer, mutex, limit};
        for (int n = 0; n < commits; ++n) {
            const std::scoped_lock lock{mutex};
            writer.script("BEGIN IMMEDIATE; INSERT INTO rows VALUES (randomblob(" +
                          std::to_string(commit_bytes) + ")); COMMIT");
            largest = std::max(largest, checkpointer.log_bytes());
        }
    }
    EXPECT_GT(written_to_database, commits * commit_bytes / 2) << "the disk was slow";
    EXPECT_GE(largest, limit) << "writers outran it";
    EXPECT_LE(largest, 2 * limit + 2 * commit_bytes);
    // Frames have 24 bytes more than their page.
    EXPECT_LE(static_cast<std::int64_t>(std::filesystem::file_size(file + "-wal")),
              2 * limit + 3 * commit_bytes);
}

}  // namespace
}  // namespace vigil::verifier::sqlite
