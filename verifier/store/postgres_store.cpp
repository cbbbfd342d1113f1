#include "verifier/store/postgres_store.hpp"

#include <atomic>

#include "verifier/store/postgres/answer_writers.hpp"
#include "verifier/store/postgres/migrate.hpp"
#include "verifier/store/postgres/pool.hpp"
#include "verifier/store/sql/session.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier {
namespace {

using postgres::Address;
using postgres::Pool;
using postgres::with_repetition;

/// Another process may have created the tables since they were looked for.
constexpr int creators_max = 5;

/// Reading on snapshots, for both kinds of store.
class PostgresReading : public Store {
public:
    PostgresReading(const Address& address, std::size_t readers,
                    const std::function<Instant()>& clock = {})
        : readers_{address, readers, clock, eras_} {}

    void read(const std::function<void(Reader&)>& work) override {
        std::optional<Pool::Loan> loan;
        // A connection of the pool may have gone since it was used: found out before work begins.
        with_repetition(
            [&] {
                loan.reset();
                loan.emplace(readers_);
                (*loan)->begin_reading();
            },
            [] {});
        sql::SqlReader reader{**loan};
        work(reader);
    }

protected:
    std::int64_t bytes() {
        Pool::Loan db{readers_};
        db->begin_reading();
        std::int64_t out = 0;
        sql::Rows rows = db->run(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = current_schema() AND c.relkind = 'r'");
        if (rows.next()) rows.into(out);
        return out;
    }
    const std::string& name() const { return readers_.address().name(); }
    const Pool::Eras eras_ = Pool::new_eras();
    Pool readers_;
};

/// One write transaction of this process at a time; beside it one of those that must not be late,
/// answers, and several readers.
class PostgresStore final : public PostgresReading {
public:
    PostgresStore(const Address& address, const PostgresSettings& settings)
        : PostgresReading{address, settings.readers, settings.clock},
          bucket_transactions_{settings.bucket_transactions},
          writer_{address, 1, settings.clock, eras_, postgres::writers_wait},
          punctual_writer_{address, 1, settings.clock, eras_, postgres::punctual_writers_wait} {
        { const Pool::Loan reached{writer_}; }  // one that is away is told at once
        with_repetition([this] { prepare(); }, [] {});
        answer_writers_.emplace(address, settings.answer_writers, settings.bucket_transactions,
                                failures_, eras_);
    }

    void write(const std::function<void(Transaction&)>& work) override { write_on(writer_, work); }

    void write_punctual(const std::function<void(Transaction&)>& work) override {
        write_on(punctual_writer_, work);
    }

    void write_redoable(const std::function<void(Transaction&)>& work) override {
        write_on(punctual_writer_, work);  // of the books
    }

    std::vector<AnswerFate> record(std::span<const AnswerRecord* const> answers) override {
        auto fates = answer_writers_->record(answers);
        ++commits_;
        return fates;
    }

    /// Whoever records an answer holds its bucket's row first and asks afterwards what is closed,
    /// so once the row was free everybody sees what is committed now. Each row in a transaction of
    /// its own, which writes nothing: none is held up for longer than its own writers take.
    void await_writers() override {
        for (int bucket = 0; bucket < sql::buckets; ++bucket)
            with_repetition(
                [&] {
                    Pool::Loan db{punctual_writer_};
                    db->begin_writing();
                    sql::hold_bucket(*db, bucket);
                },
                [this] { ++failures_; });
    }
    bool writes_across_buckets() const override { return !bucket_transactions_; }

    Health health() override {
        return {.bytes = bytes(), .commits = commits_, .failures = failures_};
    }

private:
    void write_on(Pool& pool, const std::function<void(Transaction&)>& work) {
        try {
            with_repetition([&] { attempt_write(pool, work); }, [this] { ++failures_; });
        } catch (const postgres::TryAgain&) {
            throw;
        } catch (const StoreFailed&) {
            ++failures_;
            throw;
        }
        ++commits_;
    }

    void prepare() {
        for (int attempt = 1;; ++attempt) {
            try {
                Pool::Loan db{writer_};
                postgres::prepare_schema(*db);
                refuse_unfinished(*db);
                return;
            } catch (const StoreAway&) {
                throw;
            } catch (const StoreTooNew&) {
                throw;
            } catch (const StoreFailed&) {
                if (attempt == creators_max) throw;
            }
        }
    }

    static void attempt_write(Pool& pool, const std::function<void(Transaction&)>& work) {
        Pool::Loan db{pool};
        db->begin_writing();
        sql::SqlTransaction transaction{*db};
        work(transaction);
        db->commit();
    }

    const bool bucket_transactions_;
    Pool writer_, punctual_writer_;
    std::atomic<std::uint64_t> commits_{}, failures_{};
    std::optional<postgres::AnswerWriters> answer_writers_;
};

/// Connections that only read, beside whoever writes.
class PostgresReadingStore final : public PostgresReading {
public:
    explicit PostgresReadingStore(const Address& address) : PostgresReading{address, 2} {
        with_repetition(
            [this] {
                Pool::Loan db{readers_};
                postgres::check_readable(*db);
                refuse_unfinished(*db);
            },
            [] {});
    }

    void write(const std::function<void(Transaction&)>&) override {
        throw StoreFailed{"store " + name() + ": was opened for reading"};
    }

    void await_writers() override {}
    bool writes_across_buckets() const override { return false; }

    Health health() override { return {.bytes = bytes(), .commits = 0, .failures = 0}; }
};

}  // namespace

std::unique_ptr<Store> open_postgres_store(const PostgresSettings& settings) {
    return std::make_unique<PostgresStore>(Address{settings.uri, Address::Use::writing}, settings);
}

std::unique_ptr<Store> open_postgres_store(const std::string& uri) {
    return open_postgres_store(PostgresSettings{.uri = uri});
}

std::unique_ptr<Store> open_postgres_store_for_reading(const std::string& uri) {
    return std::make_unique<PostgresReadingStore>(Address{uri, Address::Use::reading});
}

}  // namespace vigil::verifier
