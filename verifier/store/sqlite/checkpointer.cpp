#include "verifier/store/sqlite/checkpointer.hpp"

#include <chrono>

namespace vigil::verifier::sqlite {
namespace {

/// After a checkpoint, also one that failed. Often and little, so that a commit that meets one does
/// not wait for long; where commits come as fast as they can, seldom and much, which costs less,
/// because pages that were written several times are carried once.
constexpr std::chrono::milliseconds rest{50}, rest_when_outrun{200};

constexpr std::int64_t left_to_hold_for = 256 << 10;  // bytes: a few milliseconds of writing

std::int64_t page_size_of(Connection& db) {
    std::int64_t bytes = 0;
    Rows rows = db.run("PRAGMA page_size");
    if (rows.next()) rows.into(bytes);
    return bytes;
}

}  // namespace

Checkpointer::Checkpointer(Connection& writer, FairMutex& writer_mutex, std::int64_t limit)
    : writer_{writer},
      writer_mutex_{writer_mutex},
      connection_{writer.path(), SQLITE_OPEN_READWRITE},
      page_size_{page_size_of(connection_)},
      limit_{limit} {
    // Reading once opens the log, before an in-memory store's files lose their names.
    connection_.execute("SELECT value FROM meta WHERE name = 'schema_version'");
    sqlite3_wal_hook(writer_.raw(), &Checkpointer::on_commit, this);  // and no automatic ones
    thread_ = std::thread{[this] { loop(); }};
}

Checkpointer::~Checkpointer() {
    {
        const std::scoped_lock lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
    sqlite3_wal_hook(writer_.raw(), nullptr, nullptr);
}

std::int64_t Checkpointer::log_bytes() {
    const std::scoped_lock lock{mutex_};
    return log_pages_ * page_size_;
}

int Checkpointer::on_commit(void* self, sqlite3*, const char*, int log_pages) {
    auto& checkpointer = *static_cast<Checkpointer*>(self);
    std::unique_lock lock{checkpointer.mutex_};
    if (log_pages < checkpointer.log_pages_) checkpointer.carried_pages_ = 0;  // began again
    checkpointer.log_pages_ = log_pages;
    if (checkpointer.due()) checkpointer.changed_.notify_one();
    // The transaction is over and holds no lock of the database that a checkpoint could wait for.
    if (log_pages * checkpointer.page_size_ >= 2 * checkpointer.limit_)
        checkpointer.carried_.wait(lock, [&] { return !checkpointer.carrying_; });
    return SQLITE_OK;
}

bool Checkpointer::due() const { return (log_pages_ - carried_pages_) * page_size_ >= step; }

std::int64_t Checkpointer::left() {
    const std::scoped_lock lock{mutex_};
    return (log_pages_ - carried_pages_) * page_size_;
}

void Checkpointer::checkpoint() {
    int log_pages = 0, carried = 0;
    {
        const std::scoped_lock lock{mutex_};
        carrying_ = true;
    }
    // A busy or failed checkpoint loses nothing: the log stays and the next one takes it.
    const int result = sqlite3_wal_checkpoint_v2(connection_.raw(), "main",
                                                 SQLITE_CHECKPOINT_PASSIVE, &log_pages, &carried);
    const std::scoped_lock lock{mutex_};
    if (result == SQLITE_OK && carried <= log_pages_) carried_pages_ = carried;
    carrying_ = false;
    carried_.notify_all();
}

void Checkpointer::loop() {
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || due(); });
        if (stopping_) return;
        lock.unlock();
        checkpoint();
        lock.lock();
        if (log_pages_ * page_size_ >= limit_) {
            lock.unlock();
            // As long as each time much less has come meanwhile; for what is left writers wait. On
            // a disk that they outrun, more would come each time.
            for (std::int64_t before = 2 * limit_, now = left();
                 now > left_to_hold_for && now <= before / 2; now = left()) {
                before = now;
                checkpoint();
            }
            {
                // Also when nothing is left: the log begins again only with a transaction that
                // began after all of it was carried, and the next one may long have begun.
                const std::scoped_lock hold_writers{writer_mutex_};
                checkpoint();
            }
            lock.lock();
        }
        const bool outrun = due();
        changed_.wait_for(lock, outrun ? rest_when_outrun : rest, [this] { return stopping_; });
    }
}

}  // namespace vigil::verifier::sqlite
