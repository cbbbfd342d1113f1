#include "verifier/store/postgres/connection.hpp"

#include <algorithm>
#include <poll.h>
#include <utility>

#include "core/base/require.hpp"
#include "verifier/store/postgres/failure.hpp"
#include "verifier/store/postgres/parameters.hpp"
#include "verifier/store/postgres/prepared.hpp"
#include "verifier/store/schema_version.hpp"

namespace vigil::verifier::postgres {
namespace {

constexpr std::chrono::hours answer_within_if_patient{24};
constexpr std::chrono::milliseconds look_at_others_every{1'000};
constexpr std::size_t under_way_max = 128;

/// Every query leads through an index, and a plan made while a table was empty is kept: so scanning
/// from end to end is never considered where there is another way.
constexpr const char* session_settings =
    "SET statement_timeout = '120s'; SET enable_seqscan = off; SET jit = off;"
    " SET plan_cache_mode = force_generic_plan; SET bytea_output = 'hex';"
    // Whoever is cut off in a transaction holds rows that others need before their heartbeats have
    // a gap; the server notices that as fast as we notice a server that is gone.
    " SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2";

/// Whoever stands still in a transaction, frozen or stopped with its kernel still answering, holds
/// those rows as well. Only for those that write: a reader may think for long.
constexpr const char* writer_settings =
    "SET idle_in_transaction_session_timeout = '10s';"
    // A server, database or role that is tuned to answer a COMMIT before it is on the disk would
    // forget answers whose receipts are out.
    // Set always: what is not would follow the server, whenever it is tuned.
    " SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)";

constexpr std::chrono::milliseconds longest_lock_wait{30'000};
constexpr const char* connection_failure = "08006";

/// Who waits for a lock has a server that is well, so that ends before the wait for an answer does.
std::string settings_of_session(const Waits& waits) {
    const std::chrono::milliseconds most = std::chrono::milliseconds{waits.longest} * 3 / 4;
    std::string text{session_settings};
    text += "; SET lock_timeout = ";
    return text += std::to_string(std::min(most, longest_lock_wait).count());
}

}  // namespace

Connection::Connection(const Address& address, std::function<Instant()> clock, Waits waits)
    : sql::Connection{address.name()},
      clock_{std::move(clock)},
      waits_{std::move(waits)},
      db_{connect(address)} {
    require(PQsetnonblocking(db_.get(), 1) == 0, "a fresh connection");
    require(PQenterPipelineMode(db_.get()) == 1, "an idle connection");
    script(settings_of_session(waits_));
}

Connection::~Connection() = default;

bool Connection::usable() const { return !broken_ && PQstatus(db_.get()) == CONNECTION_OK; }

void Connection::refuse_after_failure() const {
    if (failed_)
        throw StoreFailed{"store " + name() +
                          ": an earlier statement of this transaction failed; nothing of it is "
                          "kept"};
}

void Connection::fail(const PGresult* result) {
    failed_ = true;
    const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    if (!state) lost();
    const char* words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    // The next attempt looks for the one among the hosts that takes writes.
    if (is_standby(state)) broken_ = true;
    throw_failure(name(), words ? words : "", state);
}

void Connection::lost() {
    failed_ = broken_ = true;
    throw_failure(name(), PQerrorMessage(db_.get()), connection_failure);
}

void Connection::check_sent(int accepted) {
    if (accepted != 1) lost();
}

// ---- Waiting ------------------------------------------------------------------------------------

void Connection::wait(std::chrono::steady_clock::time_point begun) {
    const int unsent = PQflush(db_.get());
    if (unsent < 0) lost();
    const auto waited = std::chrono::steady_clock::now() - begun;
    const bool over =
        patient_ ? waited >= answer_within_if_patient
                 : waited >= waits_.longest || (waited >= Waits::when_others_went &&
                                                waits_.others_went && waits_.others_went());
    if (over) {
        failed_ = broken_ = true;
        const auto seconds = std::chrono::floor<std::chrono::seconds>(waited).count();
        throw_failure(name(), "no answer within " + std::to_string(seconds) + " s",
                      connection_failure);
    }
    pollfd socket{.fd = PQsocket(db_.get()),
                  .events = static_cast<short>(unsent != 0 ? POLLIN | POLLOUT : POLLIN),
                  .revents = 0};
    ::poll(&socket, 1, static_cast<int>(look_at_others_every.count()));
    if ((socket.revents & ~POLLOUT) != 0 && PQconsumeInput(db_.get()) != 1) lost();
}

Connection::Result Connection::next_result() {
    const auto begun = std::chrono::steady_clock::now();
    while (PQisBusy(db_.get()) != 0) wait(begun);
    return Result{PQgetResult(db_.get())};
}

Connection::Result Connection::receive(const UnderWay& next) {
    Result kept = next_result();
    if (next.kind == UnderWay::Kind::sync) return kept;  // nothing ends it
    while (Result more = next_result()) {
        const auto status = PQresultStatus(more.get());
        if (status == PGRES_FATAL_ERROR) kept = std::move(more);
        if (!usable()) break;
    }
    return kept;
}

void Connection::check(const UnderWay& of, const PGresult* result) {
    if (!result) lost();
    switch (PQresultStatus(result)) {
        case PGRES_TUPLES_OK:
        case PGRES_COMMAND_OK:
            break;
        case PGRES_PIPELINE_SYNC:
            if (of.kind == UnderWay::Kind::sync) return;
            lost();
        default:
            fail(result);
    }
    if (of.kind == UnderWay::Kind::sync) lost();
    if (of.kind == UnderWay::Kind::commit &&
        std::string_view{PQcmdStatus(const_cast<PGresult*>(result))} != "COMMIT") {
        failed_ = true;
        throw_failure(name(), "the server rolled the transaction back", "40000");
    }
}

void Connection::receive_until(const Prepared* statement) {
    refuse_after_failure();
    sync();
    while (!under_way_.empty() && !(statement && statement->arrived())) {
        const UnderWay next = under_way_.front();
        Result result = receive(next);
        under_way_.pop_front();
        try {
            check(next, result.get());
        } catch (const StoreFailed&) {
            if (next.statement) next.statement->take(nullptr);
            throw;
        }
        if (next.statement) next.statement->take(std::move(result));
    }
}

// ---- Transactions -------------------------------------------------------------------------------

void Connection::control(const char* text, UnderWay::Kind kind) {
    check_sent(PQsendQueryParams(db_.get(), text, 0, nullptr, nullptr, nullptr, nullptr, 1));
    unmarked_ = true;
    under_way_.push_back({.kind = kind, .statement = nullptr});
}

/// Where a mark is missing, the server takes the session for busy and never for idle in its
/// transaction, however long nothing comes: so whoever waits for a result sets one.
void Connection::sync() {
    if (!std::exchange(unmarked_, false)) return;
    check_sent(PQpipelineSync(db_.get()));
    under_way_.push_back({.kind = UnderWay::Kind::sync, .statement = nullptr});
}

Instant Connection::clock() {
    if (clock_) return clock_();
    Instant now;
    Rows rows = run("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    if (rows.next()) rows.into(now);
    return now;
}

void Connection::begin_writing() {
    refuse_after_failure();
    if (!limited_) script(writer_settings);
    limited_ = true;
    in_transaction_ = true;
    control("BEGIN ISOLATION LEVEL READ COMMITTED", UnderWay::Kind::nothing);
}

void Connection::stay_as_long_as_it_takes() {
    script("SET idle_in_transaction_session_timeout = 0");
    limited_ = true;
}

void Connection::let_statements_take_long() {
    script("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on");
    patient_ = true;
}

void Connection::begin_reading() {
    refuse_after_failure();
    in_transaction_ = true;
    control("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", UnderWay::Kind::nothing);
    // BEGIN alone takes no snapshot; the first statement does.
    run("SELECT value FROM meta WHERE name = 'schema_version'").next();
}

void Connection::commit() {
    refuse_after_failure();
    control("COMMIT", UnderWay::Kind::commit);
    receive_until(nullptr);
    in_transaction_ = patient_ = false;
}

void Connection::forget_under_way() noexcept {
    for (const UnderWay& one : under_way_)
        if (one.statement) one.statement->take(nullptr);
    under_way_.clear();
}

void Connection::rollback() noexcept {
    if (!usable()) {
        forget_under_way();
        return;
    }
    if (!failed_ && under_way_.empty() && !in_transaction_) return;
    try {
        // What failed ends at the first mark; the rollback needs one of its own.
        unmarked_ = true;
        sync();
        control("ROLLBACK", UnderWay::Kind::nothing);
        sync();
        while (!under_way_.empty()) {
            const UnderWay next = under_way_.front();
            if (!receive(next)) lost();
            under_way_.pop_front();
            if (next.statement) next.statement->take(nullptr);
        }
        failed_ = in_transaction_ = patient_ = false;
        broken_ = PQtransactionStatus(db_.get()) != PQTRANS_IDLE;
    } catch (const StoreFailed&) {
        broken_ = true;
        forget_under_way();
    }
}

void Connection::script(const std::string& text) {
    refuse_after_failure();
    receive_until(nullptr);
    check_sent(PQexitPipelineMode(db_.get()));
    check_sent(PQsendQuery(db_.get(), text.c_str()));
    Result failure;
    while (Result one = next_result())
        if (PQresultStatus(one.get()) == PGRES_FATAL_ERROR) failure = std::move(one);
    if (!usable()) lost();
    check_sent(PQenterPipelineMode(db_.get()));
    if (failure) fail(failure.get());
}

// ---- Statements ---------------------------------------------------------------------------------

std::unique_ptr<Connection::Prepared> Connection::prepare(const std::string& text) {
    refuse_after_failure();
    receive_until(nullptr);
    std::string prepared_name = std::to_string(++prepared_count_);
    check_sent(PQsendPrepare(db_.get(), prepared_name.c_str(), text.c_str(), 0, nullptr));
    check_sent(PQsendDescribePrepared(db_.get(), prepared_name.c_str()));
    const UnderWay quiet{.kind = UnderWay::Kind::nothing, .statement = nullptr};
    under_way_.assign(2, quiet);
    unmarked_ = true;
    sync();
    Result description;
    while (!under_way_.empty()) {
        const UnderWay next = under_way_.front();
        Result result = receive(next);
        under_way_.pop_front();
        check(next, result.get());
        if (next.kind == UnderWay::Kind::nothing) description = std::move(result);
    }
    std::vector<Oid> types;
    for (int i = 0; i < PQnparams(description.get()); ++i)
        types.push_back(PQparamtype(description.get(), i));
    return std::make_unique<Prepared>(*this, std::move(prepared_name), std::move(types));
}

Connection::Prepared& Connection::prepared(Sql sql) {
    refuse_after_failure();
    auto& statement = statements_[sql.text];
    if (!statement) statement = prepare(text_for(Engine::postgres, sql.text));
    return *statement;
}

Connection::Prepared& Connection::prepared_for_many(Sql sql) {
    refuse_after_failure();
    auto& statement = many_statements_[sql.text];
    if (!statement) statement = prepare(text_for_many(sql.text, prepared(sql).types));
    return *statement;
}

void Connection::dispatch(const Prepared& statement, const Parameters& parameters, UnderWay next) {
    check_sent(PQsendQueryPrepared(db_.get(), statement.name.c_str(), parameters.count(),
                                   parameters.pointers(), parameters.lengths(),
                                   parameters.formats(), 1));
    unmarked_ = true;
    under_way_.push_back(next);
    in_transaction_ = true;  // one of its own, where none was begun
    if (under_way_.size() >= under_way_max) receive_until(nullptr);
}

sql::Statement& Connection::start(Prepared& statement, const Parameters& parameters) {
    // Its last rows may be on their way still, unwanted.
    if (statement.abandoned()) receive_until(nullptr);
    require(!statement.busy(), "a statement runs once at a time");
    statement.begin();
    dispatch(statement, parameters, {.kind = UnderWay::Kind::rows, .statement = &statement});
    return statement;
}

sql::Statement& Connection::start(Sql sql, std::span<const sql::Value> values) {
    Prepared& statement = prepared(sql);
    return start(statement, {values, statement.types});
}

Rows Connection::run_over(Sql sql, std::span<const sql::Value> rows) {
    Prepared& statement = prepared(sql);
    return Rows{start(statement, Parameters::columns(rows, statement.types))};
}

void Connection::send(Sql sql, std::span<const sql::Value> values) {
    const Prepared& statement = prepared(sql);
    dispatch(statement, {values, statement.types},
             {.kind = UnderWay::Kind::nothing, .statement = nullptr});
}

std::int64_t Connection::send_and_count(Sql sql, std::span<const sql::Value> values) {
    Rows rows{start(sql, values)};
    rows.next();
    return statements_[sql.text]->changed_rows();
}

void Connection::send_many(Sql sql, std::span<const sql::Value> values, std::size_t width) {
    if (values.size() == width) {
        send(sql, values);
        return;
    }
    const Prepared& statement = prepared_for_many(sql);
    // The types of the arrays' elements.
    dispatch(statement, Parameters::columns(values, statement.types),
             {.kind = UnderWay::Kind::nothing, .statement = nullptr});
}

}  // namespace vigil::verifier::postgres
