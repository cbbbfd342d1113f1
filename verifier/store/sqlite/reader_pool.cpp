#include "verifier/store/sqlite/reader_pool.hpp"

namespace vigil::verifier::sqlite {
namespace {

void begin_snapshot(Connection& db) {
    db.execute("BEGIN");
    // BEGIN alone takes no snapshot; the first read does.
    db.execute("SELECT value FROM meta WHERE name = 'schema_version'");
}

}  // namespace

ReaderPool::ReaderPool(const std::string& path, std::size_t connections,
                       const std::function<Instant()>& clock) {
    for (std::size_t i = 0; i < connections; ++i) {
        auto db = std::make_unique<Connection>(path, SQLITE_OPEN_READWRITE, clock);
        db->script("PRAGMA query_only = 1; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096");
        begin_snapshot(*db);
        db->rollback();
        idle_.push_back(std::move(db));
    }
}

std::unique_ptr<Connection> ReaderPool::take() {
    std::unique_lock lock{mutex_};
    returned_.wait(lock, [this] { return !idle_.empty(); });
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
    connection->rollback();
    const std::scoped_lock lock{mutex_};
    idle_.push_back(std::move(connection));
    returned_.notify_one();
}

ReaderPool::Snapshot::Snapshot(ReaderPool& pool) : pool_{pool}, connection_{pool.take()} {
    try {
        begin_snapshot(*connection_);
    } catch (...) {
        pool_.give_back(std::move(connection_));
        throw;
    }
}

ReaderPool::Snapshot::~Snapshot() { pool_.give_back(std::move(connection_)); }

}  // namespace vigil::verifier::sqlite
