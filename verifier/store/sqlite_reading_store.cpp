#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

#include "verifier/store/schema.hpp"
#include "verifier/store/sql/session.hpp"
#include "verifier/store/sqlite/migrate.hpp"
#include "verifier/store/sqlite/reader_pool.hpp"
#include "verifier/store/sqlite_store.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t readers = 2;

/// Opened as this process is allowed to: a folder that may not be looked into hides even whether
/// the file exists.
bool may_not_read(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const int why = errno;
    if (file >= 0) ::close(file);
    return file < 0 && (why == EACCES || why == EPERM);
}

std::string existing(const std::string& path) {
    if (may_not_read(path))
        throw StoreFailed{"store " + path + ": it cannot be read by this user (uid " +
                          std::to_string(::geteuid()) + "): run this as root or as its owner"};
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        throw StoreFailed{"store " + path +
                          ": there is no such file: name the vigil.db of a verifier's data "
                          "directory"};
    sqlite::Connection db{path, SQLITE_OPEN_READWRITE};
    sqlite::check_readable(db);
    refuse_unfinished(db);
    return path;
}

/// Connections that only read, beside whoever writes.
class SqliteReadingStore final : public Store {
public:
    explicit SqliteReadingStore(const std::string& path)
        : path_{existing(path)}, readers_{path_, readers} {}

    void write(const std::function<void(Transaction&)>&) override {
        throw StoreFailed{"store " + path_ + ": was opened for reading"};
    }

    void read(const std::function<void(Reader&)>& work) override {
        sqlite::ReaderPool::Snapshot snapshot{readers_};
        sql::SqlReader reader{snapshot.connection()};
        work(reader);
    }

    void await_writers() override {}
    bool writes_across_buckets() const override { return true; }

    Health health() override {
        std::error_code error;
        const auto bytes = std::filesystem::file_size(path_, error);
        return {.bytes = error ? 0 : static_cast<std::int64_t>(bytes), .commits = 0, .failures = 0};
    }

private:
    const std::string path_;
    sqlite::ReaderPool readers_;
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store_for_reading(const std::string& path) {
    return std::make_unique<SqliteReadingStore>(path);
}

}  // namespace vigil::verifier
