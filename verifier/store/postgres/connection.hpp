#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "verifier/store/postgres/connecting.hpp"
#include "verifier/store/sql/connection.hpp"
#include "verifier/store/store_away.hpp"

namespace vigil::verifier::postgres {

class Parameters;

using sql::Rows;
using sql::Sql;

/// The transaction may succeed when it is repeated as a whole: the server was in the way of itself
/// (serialisation, deadlock, lock timeout), is restarting, or the connection went, perhaps with
/// the answer to a commit.
struct TryAgain : StoreAway {
    using StoreAway::StoreAway;
};

/// How long a connection waits for an answer. A server that hangs, or whose disk does, keeps its
/// connections alive. A lock is waited for three quarters of that, half a minute at most; then the
/// transaction is to be repeated, and the connection is as good as before.
struct Waits {
    std::chrono::seconds longest{150};
    /// Empty, or whether other connections to the server were lost since this one was made: then
    /// the answer is not waited for longer than `when_others_went`.
    std::function<bool()> others_went = {};
    static constexpr std::chrono::seconds when_others_went{20};
};

/// One connection to PostgreSQL in pipeline mode: statements are sent without waiting, and what
/// they answer is read when somebody asks for rows, a count or the commit. Several run() whose rows
/// are read afterwards travel together.
class Connection final : public sql::Connection {
public:
    /// Connects and settles the session; throws TryAgain when nobody answers, StoreFailed when the
    /// server refuses.
    /// `clock`: the database's; empty: the server's.
    explicit Connection(const Address& address, std::function<Instant()> clock = {},
                        Waits waits = {});
    ~Connection() override;

    Instant clock() override;

    /// Runs a statement whose parameters are arrays: the columns of these rows.
    Rows run_over(Sql sql, std::span<const sql::Value> rows);

    void begin_writing();  ///< READ COMMITTED; sent with the first statement
    void begin_reading();  ///< a snapshot as of now
    /// Transactions that write end when they stand still for 10 s, for they hold up others; from
    /// here on these do not.
    void stay_as_long_as_it_takes();
    /// Until this transaction's end, a statement may take hours: one that rewrites a table does.
    void let_statements_take_long();
    void commit();
    /// Back to no transaction, whatever happened. Never throws; see usable().
    void rollback() noexcept;
    /// False: the connection is gone or in an unknown state and must be replaced.
    bool usable() const;

    /// Runs statements whose text is not known at compile time, without parameters; not while
    /// others are under way.
    void script(const std::string& text);

private:
    class Prepared;
    struct Clear {
        void operator()(PGresult* result) const { PQclear(result); }
    };
    using Result = std::unique_ptr<PGresult, Clear>;

    /// A statement that was sent and whose result has not been read.
    struct UnderWay {
        enum class Kind : std::uint8_t { rows, nothing, commit, sync };
        Kind kind{};
        Prepared* statement{};  ///< that wants the rows
    };

    sql::Statement& start(Sql sql, std::span<const sql::Value> values) override;
    void send(Sql sql, std::span<const sql::Value> values) override;
    std::int64_t send_and_count(Sql sql, std::span<const sql::Value> values) override;
    void send_many(Sql sql, std::span<const sql::Value> values, std::size_t width) override;

    Prepared& prepared(Sql sql);
    sql::Statement& start(Prepared& statement, const Parameters& parameters);
    Prepared& prepared_for_many(Sql sql);
    std::unique_ptr<Prepared> prepare(const std::string& text);
    void dispatch(const Prepared& statement, const Parameters& parameters, UnderWay next);
    void control(const char* text, UnderWay::Kind kind);
    void sync();  ///< a mark after what was sent, if anything was since the last
    /// Reads results in the order of their statements until that of `statement` is there; all of
    /// them when null.
    void receive_until(const Prepared* statement);
    Result receive(const UnderWay& next);
    /// The next result of the connection; nothing at the end of a statement's.
    Result next_result();
    void wait(std::chrono::steady_clock::time_point begun);
    void check_sent(int accepted);
    void check(const UnderWay& of, const PGresult* result);
    void forget_under_way() noexcept;
    void refuse_after_failure() const;
    [[noreturn]] void fail(const PGresult* result);
    [[noreturn]] void lost();

    const std::function<Instant()> clock_;
    const Waits waits_;
    const Session db_;
    std::unordered_map<const char*, std::unique_ptr<Prepared>> statements_, many_statements_;
    std::deque<UnderWay> under_way_;  ///< in the order of their results
    int prepared_count_{};
    bool unmarked_{};  ///< something was sent since the last sync()
    bool limited_{};   ///< how long a transaction may stand still is said
    bool in_transaction_{};
    bool patient_{};
    bool failed_{};
    bool broken_{};
};

}  // namespace vigil::verifier::postgres
