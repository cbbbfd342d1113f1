#include "verifier/store/copy.hpp"

#include <filesystem>
#include <memory>
#include <optional>

#include "core/crypto/keccak256.hpp"
#include "verifier/store/copy_tables.hpp"
#include "verifier/store/open_store.hpp"
#include "verifier/store/postgres/address.hpp"
#include "verifier/store/postgres/migrate.hpp"
#include "verifier/store/sql/session.hpp"
#include "verifier/store/sqlite/database_file.hpp"
#include "verifier/store/sqlite/migrate.hpp"
#include "verifier/store/unfinished.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds silence_of_a_dead_verifier{30'000};

/// Rows of meta while a copy is unfinished: how far it is, and of what it is one.
constexpr const char* units_copied = "copied";
constexpr const char* copied_source = "copied_source";

/// One of the two stores: a connection, and how its engine begins and ends.
struct End {
    std::shared_ptr<sqlite::DatabaseFile> file;  ///< locked; of SQLite
    std::shared_ptr<sql::Connection> db;
    std::function<void()> begin, commit;
};

End sqlite_end(const std::string& path) {
    auto file = std::make_shared<sqlite::DatabaseFile>(path);
    auto db = std::make_shared<sqlite::Connection>(file->path(), SQLITE_OPEN_READWRITE);
    return {.file = std::move(file),
            .db = db,
            .begin = [db] { db->execute("BEGIN IMMEDIATE"); },
            .commit = [db] { db->commit(); }};
}

End open_source(const std::string& place) {
    if (postgres::is_postgres(place)) {
        auto db = std::make_shared<postgres::Connection>(
            postgres::Address{place, postgres::Address::Use::reading});
        postgres::check_readable(*db);
        refuse_unfinished(*db);
        db->rollback();
        return {.file = nullptr,
                .db = db,
                .begin = [db] { db->begin_reading(); },
                .commit = [db] { db->commit(); }};
    }
    const std::string path = path_of(place);
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        throw StoreFailed{"store " + path + ": there is no such file to copy"};
    End end = sqlite_end(path);
    sqlite::check_readable(static_cast<sqlite::Connection&>(*end.db));
    refuse_unfinished(*end.db);
    return end;
}

End open_target(const std::string& place) {
    if (postgres::is_postgres(place)) {
        auto db = std::make_shared<postgres::Connection>(
            postgres::Address{place, postgres::Address::Use::writing});
        postgres::prepare_schema(*db);
        db->stay_as_long_as_it_takes();  // while the source counts
        return {.file = nullptr,
                .db = db,
                .begin = [db] { db->begin_writing(); },
                .commit = [db] { db->commit(); }};
    }
    End end = sqlite_end(path_of(place));
    sqlite::prepare_database(static_cast<sqlite::Connection&>(*end.db));
    return end;
}

std::int64_t meta(sql::Connection& db, const std::string& name) {
    std::int64_t out = 0;
    sql::Rows rows = db.run("SELECT value FROM meta WHERE name = $1", name);
    if (rows.next()) rows.into(out);
    return out;
}

void set_meta(sql::Connection& db, const std::string& name, std::int64_t value) {
    db.execute(
        "INSERT INTO meta (name, value) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name, value);
}

/// Tells one network's store from another's; never 0.
std::int64_t fingerprint(const Genesis& genesis) {
    std::uint64_t out = 14'695'981'039'346'656'037U;
    const std::string text = genesis.network_name + "/" +
                             std::to_string(genesis.programme_start_day.value) + "/" +
                             std::to_string(to_ms(genesis.founded));
    for (const char c : text) out = (out ^ static_cast<unsigned char>(c)) * 1'099'511'628'211U;
    return static_cast<std::int64_t>(out >> 1) | 1;
}

void refuse_running(sql::Connection& db) {
    const Instant now = db.clock();
    // The last one before and the first one after are among them.
    const auto beats = sql::heartbeats(db, now - silence_of_a_dead_verifier, now);
    bool running = !beats.empty() && beats.back() >= now - silence_of_a_dead_verifier;
    for (const LeaseRecord& lease : sql::leases(db)) running = running || lease.expires > now;
    if (running)
        throw StoreFailed{"store " + db.name() +
                          ": a verifier is running on it, or was until just now: end it and wait "
                          "half a minute, so that nothing is recorded that the copy lacks"};
}

class Copy {
public:
    Copy(End source, End target, const std::function<void(const CopyProgress&)>& progress)
        : source_{std::move(source)}, target_{std::move(target)}, progress_{progress} {}

    void run() {
        source_.begin();
        const auto genesis = sql::genesis(*source_.db);
        if (!genesis) throw StoreFailed{"store " + source_.db->name() + ": holds no network yet"};
        if (!source_.file) refuse_running(*source_.db);  // a file is locked instead
        const std::int64_t source = look_at_source();
        const std::int64_t done = begin_or_go_on(fingerprint(*genesis), source);
        std::int64_t unit = 0;
        for (const auto& table : tables_)
            for (int bucket = 0; bucket < (table.by_bucket() ? sql::buckets : 1); ++bucket, ++unit)
                unit < done ? skip(table, bucket) : carry(table, bucket, unit);
        target_.begin();
        set_meta(*target_.db, "enrolments", meta(*source_.db, "enrolments"));
        target_.commit();
    }

    std::vector<std::pair<std::string, std::int64_t>> compare() {
        std::vector<std::pair<std::string, std::int64_t>> out;
        target_.begin();
        for (const auto& table : tables_) {
            const auto wanted = table.count(*source_.db), there = table.count(*target_.db);
            if (wanted != there)
                throw StoreFailed{"store " + target_.db->name() + ": table " + table.name() +
                                  " has " + std::to_string(there) + " rows, the source " +
                                  std::to_string(wanted) +
                                  "; one of them was changed meanwhile: empty the target and "
                                  "begin again"};
            out.emplace_back(table.name(), there);
        }
        target_.commit();
        return out;
    }

    void verify_and_finish(const std::function<void(Reader&)>& verify) {
        source_.commit();  // it would be left waiting for as long as this takes
        target_.begin();
        sql::SqlReader reader{*target_.db};
        verify(reader);
        // Whoever held them ended before the copy began.
        target_.db->execute("UPDATE leases SET expires_ms = 0");
        for (const char* name : {unfinished_copy, units_copied, copied_source})
            set_meta(*target_.db, name, 0);
        target_.commit();
    }

private:
    /// Counts its rows, and tells what it holds from what another copy of it holds, or from what it
    /// holds itself after a verifier ran on it: the leases change with every run, at least. Never
    /// 0.
    std::int64_t look_at_source() {
        ByteVector digests;
        for (const auto& table : tables_) {
            const std::int64_t rows = table.count(*source_.db);
            state_.of_rows += rows;
            const Hash digest = table.digest(*source_.db, rows);
            digests.insert(digests.end(), digest.bytes.begin(), digest.bytes.end());
        }
        std::int64_t out = 0;
        const Hash all = keccak256(digests);
        for (std::size_t i = 0; i < 8; ++i)
            out = static_cast<std::int64_t>(static_cast<std::uint64_t>(out) << 8 | all.bytes[i]);
        return out | 1;
    }

    /// The first unit that is to be copied.
    std::int64_t begin_or_go_on(std::int64_t ours, std::int64_t source) {
        target_.begin();
        const std::int64_t theirs = meta(*target_.db, unfinished_copy);
        if (theirs == 0) {
            for (const auto& table : tables_)
                if (table.count(*target_.db) != 0)
                    throw StoreFailed{"store " + target_.db->name() +
                                      ": holds a network already (table " + table.name() +
                                      " has rows): name an empty target"};
        } else if (theirs != ours) {
            throw StoreFailed{"store " + target_.db->name() +
                              ": holds part of a copy of another network: name an empty target"};
        } else {
            require_same_source(source);
        }
        set_meta(*target_.db, unfinished_copy, ours);
        set_meta(*target_.db, copied_source, source);
        const std::int64_t done = meta(*target_.db, units_copied);
        target_.commit();
        return done;
    }

    /// Else tables of different moments would stand beside each other, which only the proof at the
    /// end would find, if anything did.
    void require_same_source(std::int64_t source) {
        const std::int64_t begun_with = meta(*target_.db, copied_source);
        if (begun_with == 0) refuse_copy_of_older(target_.db->name());
        if (begun_with != source)
            throw StoreFailed{"store " + target_.db->name() +
                              ": holds part of a copy of this network that began when its source "
                              "held something else than " +
                              source_.db->name() +
                              " does: a verifier ran on that since, or it is another copy. Name "
                              "the source it began with, or " +
                              how_to_begin_again};
    }

    void skip(const CopiedTable& table, int bucket) {
        state_.rows +=
            table.by_bucket() ? table.count(*source_.db, bucket) : table.count(*source_.db);
    }

    void carry(const CopiedTable& table, int bucket, std::int64_t unit) {
        state_.table = table.name();
        CopiedTable::Row last;
        for (;;) {
            const auto rows = table.read(*source_.db, bucket, last);
            if (rows.empty()) return;
            target_.begin();
            table.write(*target_.db, rows);
            set_meta(*target_.db, units_copied, unit);
            target_.commit();
            state_.rows += std::ssize(rows);
            progress_(state_);
            if (!table.by_bucket()) return;
            last = rows.back();
        }
    }

    const std::deque<CopiedTable> tables_ = copied_tables();  // outlives the connections
    End source_, target_;
    const std::function<void(const CopyProgress&)>& progress_;
    CopyProgress state_;
};

}  // namespace

std::vector<std::pair<std::string, std::int64_t>> copy_store(
    const std::string& from, const std::string& to, const std::function<void(Reader&)>& verify,
    const std::function<void(const CopyProgress&)>& progress) {
    Copy copy{open_source(from), open_target(to), progress};
    copy.run();
    auto rows = copy.compare();
    copy.verify_and_finish(verify);
    return rows;
}

}  // namespace vigil::verifier
