#include "verifier/store/postgres/prepared.hpp"

#include <charconv>

namespace vigil::verifier::postgres {

bool Connection::Prepared::next() {
    if (state_ == State::sent) connection_.receive_until(this);
    return rows_ && ++row_ < PQntuples(rows_.get());
}

bool Connection::Prepared::is_null(int column) const {
    return PQgetisnull(rows_.get(), row_, column) != 0;
}

std::int64_t Connection::Prepared::integer(int column) const {
    const ByteSpan number = bytes(column);
    if (number.empty()) return 0;
    // Sign first: the top byte of a narrower number fills what is above it.
    std::uint64_t out = (number[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
    for (const std::uint8_t byte : number) out = out << 8 | byte;
    return std::bit_cast<std::int64_t>(out);
}

ByteSpan Connection::Prepared::bytes(int column) const {
    return {reinterpret_cast<const std::uint8_t*>(PQgetvalue(rows_.get(), row_, column)),
            static_cast<std::size_t>(PQgetlength(rows_.get(), row_, column))};
}

void Connection::Prepared::finish() noexcept {
    // On its way still: whoever reads it throws it away.
    state_ = state_ == State::sent ? State::abandoned : State::idle;
    rows_.reset();
    row_ = -1;
}

void Connection::Prepared::take(Result rows) {
    if (state_ == State::abandoned) {
        state_ = State::idle;
        return;
    }
    state_ = State::arrived;
    rows_ = std::move(rows);
}

std::int64_t Connection::Prepared::changed_rows() const {
    std::int64_t out = 0;
    if (!rows_) return out;
    const std::string_view text = PQcmdTuples(rows_.get());
    std::from_chars(text.data(), text.data() + text.size(), out);
    return out;
}

}  // namespace vigil::verifier::postgres
