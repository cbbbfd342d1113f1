#include "verifier/store/sqlite_store.hpp"

#include <atomic>
#include <mutex>

#include "verifier/store/sql/session.hpp"
#include "verifier/store/sqlite/checkpointer.hpp"
#include "verifier/store/sqlite/database_file.hpp"
#include "verifier/store/sqlite/migrate.hpp"
#include "verifier/store/sqlite/reader_pool.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier {
namespace {

using sqlite::Connection;

constexpr int attempts_max = 10;

/// One writing connection, several reading ones on snapshots, checkpoints beside them.
class SqliteStore final : public Store {
public:
    explicit SqliteStore(const SqliteSettings& settings)
        : file_{settings.path},
          writer_{file_.path(), SQLITE_OPEN_READWRITE, settings.clock},
          readers_{prepared(settings).path(), settings.readers, settings.clock},
          checkpointer_{writer_, writer_mutex_} {
        file_.hide();
    }

    void write(const std::function<void(Transaction&)>& work) override {
        write_here([&](Connection& db) {
            sql::SqlTransaction transaction{db};
            work(transaction);
        });
    }

    /// The log is one sequence: who makes a later commit durable makes this one so.
    void write_redoable(const std::function<void(Transaction&)>& work) override {
        write_here(
            [&](Connection& db) {
                sql::SqlTransaction transaction{db};
                work(transaction);
            },
            Sync::with_a_later_one);
    }

    /// Writers are alone, so nobody's bucket needs to be held.
    std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers) override {
        std::vector<AnswerFate> fates;
        write_here([&](Connection& db) { fates = sql::record(db, answers); });
        return fates;
    }

    void read(const std::function<void(Reader&)>& work) override {
        sqlite::ReaderPool::Snapshot snapshot{readers_};
        sql::SqlReader reader{snapshot.connection()};
        work(reader);
    }

    /// Writers are alone: whoever recorded something did so before the marker or has seen it.
    void await_writers() override {}
    bool writes_across_buckets() const override { return true; }

    Health health() override {
        sqlite::ReaderPool::Snapshot snapshot{readers_};
        std::int64_t pages = 0, page_size = 0;
        read_number(snapshot.connection(), "PRAGMA page_count", pages);
        read_number(snapshot.connection(), "PRAGMA page_size", page_size);
        return {.bytes = pages * page_size + checkpointer_.log_bytes(),
                .commits = commits_,
                .failures = failures_};
    }

private:
    enum class Sync : std::uint8_t { at_its_end, with_a_later_one };

    Connection& prepared(const SqliteSettings& settings) {
        sqlite::prepare_database(writer_);
        refuse_unfinished(writer_);
        writer_.script(
            "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;"
            // What an upgrade or a slow disk let the log grow to is given back.
            " PRAGMA journal_size_limit = 268435456");
        if (file_.in_memory()) writer_.script("PRAGMA synchronous = OFF");
        // The lock on the file says that whoever held them is gone.
        writer_.execute("UPDATE leases SET expires_ms = 0");
        if (settings.max_pages > 0)
            writer_.script("PRAGMA max_page_count = " + std::to_string(settings.max_pages));
        return writer_;
    }

    template <class Work>
    void write_here(const Work& work, Sync sync = Sync::at_its_end) {
        const std::scoped_lock lock{writer_mutex_};
        for (int attempt = 1;; ++attempt) {
            try {
                attempt_write(work, sync);
                ++commits_;
                return;
            } catch (const sqlite::StoreBusy&) {
                ++failures_;
                if (attempt == attempts_max) throw;
            } catch (const StoreFailed&) {
                ++failures_;
                throw;
            }
        }
    }

    template <class Work>
    void attempt_write(const Work& work, Sync sync) {
        try {
            set(sync);
            writer_.execute("BEGIN IMMEDIATE");
            work(writer_);
            writer_.commit();
        } catch (...) {
            writer_.rollback();
            throw;
        }
    }

    void set(Sync sync) {
        if (sync == sync_ || file_.in_memory()) return;
        writer_.execute(sync == Sync::at_its_end ? sqlite::Sql{"PRAGMA synchronous = FULL"}
                                                 : sqlite::Sql{"PRAGMA synchronous = NORMAL"});
        sync_ = sync;
    }

    static void read_number(Connection& db, sqlite::Sql sql, std::int64_t& out) {
        sqlite::Rows rows = db.run(sql);
        if (rows.next()) rows.into(out);
    }

    sqlite::DatabaseFile file_;
    sqlite::FairMutex writer_mutex_;
    Connection writer_;            // guarded by writer_mutex_
    Sync sync_{Sync::at_its_end};  // guarded by writer_mutex_
    sqlite::ReaderPool readers_;
    sqlite::Checkpointer checkpointer_;
    std::atomic<std::uint64_t> commits_{}, failures_{};
};

}  // namespace

std::unique_ptr<Store> open_sqlite_store(const SqliteSettings& settings) {
    return std::make_unique<SqliteStore>(settings);
}

std::unique_ptr<Store> open_sqlite_store(const std::string& path) {
    return open_sqlite_store(SqliteSettings{.path = path});
}

}  // namespace vigil::verifier
