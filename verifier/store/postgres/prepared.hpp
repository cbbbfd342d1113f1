#pragma once

#include <libpq-fe.h>
#include <memory>
#include <string>
#include <vector>

#include "verifier/store/postgres/connection.hpp"

namespace vigil::verifier::postgres {

/// A statement prepared on a connection, with the types that the server gave its parameters; one at
/// its rows, too, which it fetches when they are first asked for.
class Connection::Prepared final : public sql::Statement {
public:
    Prepared(Connection& connection, std::string name_in, std::vector<Oid> types_in)
        : name{std::move(name_in)}, types{std::move(types_in)}, connection_{connection} {}

    const std::string name;
    const std::vector<Oid> types;

    bool next() override;
    bool is_null(int column) const override;
    std::int64_t integer(int column) const override;
    ByteSpan bytes(int column) const override;
    void finish() noexcept override;

    bool busy() const { return state_ != State::idle; }
    bool abandoned() const { return state_ == State::abandoned; }
    void begin() { state_ = State::sent; }
    bool arrived() const { return state_ != State::sent; }
    /// Its rows, or that they will not come.
    void take(Result rows);
    std::int64_t changed_rows() const;

private:
    enum class State : std::uint8_t { idle, sent, arrived, abandoned };

    Connection& connection_;
    State state_ = State::idle;
    Result rows_;
    int row_ = -1;
};

}  // namespace vigil::verifier::postgres
