#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "verifier/store/sql/values.hpp"

namespace vigil::verifier::sql {

/// The text of a statement: a literal, so that its address names the prepared statement.
/// Parameters are $1, $2, … and appear first in that order.
struct Sql {
    consteval Sql(const char* literal) : text{literal} {}  // NOLINT(google-explicit-constructor)
    /// A text made at run time; it must outlive the connection.
    static Sql kept(const std::string& text) { return {text.c_str(), 0}; }
    const char* text;

private:
    constexpr Sql(const char* made, int) : text{made} {}
};

/// The rows of a running statement. One at a time for each text of a connection.
class Rows {
public:
    explicit Rows(Statement& statement) : statement_{statement} {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows() { statement_.finish(); }

    bool next() { return statement_.next(); }
    /// Reads the columns of the current row from the first on.
    template <class... Values>
    void into(Values&&... values) {
        int column = 0;
        (read(statement_, column++, values), ...);
    }
    bool is_null(int column) const { return statement_.is_null(column); }
    template <class T>
    void read_at(int column, T& value) const {
        read(statement_, column, value);
    }

private:
    Statement& statement_;
};

/// One row of values for execute_many().
template <class... Values>
std::array<Value, sizeof...(Values)> row(const Values&... values) {
    return {value(values)...};
}

/// One connection to a database with its prepared statements, as the queries of this folder use it
/// inside a transaction; who opens, begins and commits is the engine's business. Used by one thread
/// at a time. Failures throw StoreFailed; after one, no statement of the transaction is accepted,
/// so that none can happen without the earlier ones.
class Connection {
public:
    virtual ~Connection() = default;

    Rows run_with(Sql sql, std::span<const Value> values) { return Rows{start(sql, values)}; }
    template <class... Values>
    Rows run(Sql sql, const Values&... values) {
        const std::array<Value, sizeof...(Values)> bound{value(values)...};
        return Rows{start(sql, bound)};
    }
    /// Runs a statement that returns no rows. An engine far away may only send it: that it failed
    /// is then known by the next run(), change() or the commit.
    template <class... Values>
    void execute(Sql sql, const Values&... values) {
        const std::array<Value, sizeof...(Values)> bound{value(values)...};
        send(sql, bound);
    }
    /// Runs a statement that returns no rows; how many rows it inserted or changed.
    template <class... Values>
    std::int64_t change(Sql sql, const Values&... values) {
        const std::array<Value, sizeof...(Values)> bound{value(values)...};
        return send_and_count(sql, bound);
    }
    /// Runs "INSERT INTO … VALUES ($1, …, $n) …" for each record, whose row `fields` makes with
    /// row(…). Deferred like execute(). Rows of one call must not meet in a DO UPDATE.
    template <class Records, class Fields>
    void execute_many(Sql sql, const Records& records, Fields fields) {
        many_.clear();
        std::size_t width = 0;
        for (const auto& record : records) {
            const auto values = fields(record);
            width = values.size();
            many_.insert(many_.end(), values.begin(), values.end());
            if (many_.size() >= width * rows_at_once) send_waiting(sql, width);
        }
        if (!many_.empty()) send_waiting(sql, width);
    }

    /// The time now by the database's own clock, not that of the transaction's begin: one clock for
    /// all verifiers on it, for what expires.
    virtual Instant clock() = 0;

    /// Of the store, as messages call it; holds no secret.
    const std::string& name() const { return name_; }

protected:
    static constexpr std::size_t rows_at_once = 1'024;

    explicit Connection(std::string name) : name_{std::move(name)} {}

    virtual Statement& start(Sql sql, std::span<const Value> values) = 0;
    virtual void send(Sql sql, std::span<const Value> values) = 0;
    virtual std::int64_t send_and_count(Sql sql, std::span<const Value> values) = 0;
    /// `values`: rows of `width` each, one after the other.
    virtual void send_many(Sql sql, std::span<const Value> values, std::size_t width) = 0;

private:
    void send_waiting(Sql sql, std::size_t width) {
        send_many(sql, many_, width);
        many_.clear();
    }

    std::string name_;
    std::vector<Value> many_;
};

}  // namespace vigil::verifier::sql
