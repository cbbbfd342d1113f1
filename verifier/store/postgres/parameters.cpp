#include "verifier/store/postgres/parameters.hpp"

#include <limits>

#include "core/base/require.hpp"

namespace vigil::verifier::postgres {
namespace {

constexpr auto nowhere = std::string::npos;

/// The types of our columns, and of arrays of them, as pg_type numbers them.
struct Type {
    Oid scalar, array;
    const char* name;
    int bytes;  ///< of a number; 0: not a number
};
constexpr Type types_known[] = {
    {20, 1016, "int8", 8}, {23, 1007, "int4", 4}, {17, 1001, "bytea", 0}, {25, 1009, "text", 0}};

const Type& type_of(Oid oid) {
    for (const Type& type : types_known)
        if (type.scalar == oid || type.array == oid) return type;
    throw StoreFailed{"the store's schema has a column of type " + std::to_string(oid) +
                      " where BIGINT, INTEGER, BYTEA or TEXT is expected; it was changed from "
                      "outside"};
}

void append_number(std::string& out, std::int64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(value >> shift));
}

void append_number(std::string& out, std::int64_t value, const Type& type) {
    require(type.bytes == 8 || value == static_cast<std::int32_t>(value),
            "an INTEGER column holds 32 bits");
    append_number(out, value, type.bytes);
}

bool is_number(const sql::Value& value) { return value.kind() == sql::Value::Kind::integer; }

const char* characters(ByteSpan bytes) {
    // A null pointer would be NULL, not nothing.
    return bytes.empty() ? "" : reinterpret_cast<const char*>(bytes.data());
}

void append_element(std::string& out, const sql::Value& value, const Type& type) {
    if (value.kind() == sql::Value::Kind::null) {
        append_number(out, -1, 4);
    } else if (is_number(value)) {
        append_number(out, type.bytes, 4);
        append_number(out, value.integer(), type);
    } else {
        const ByteSpan bytes = value.bytes();
        append_number(out, static_cast<std::int64_t>(bytes.size()), 4);
        out.append(characters(bytes), bytes.size());
    }
}

}  // namespace

Parameters::Parameters(std::span<const sql::Value> values, std::span<const Oid> types) {
    require(values.size() == types.size(), "a value for every parameter");
    for (std::size_t i = 0; i < values.size(); ++i) {
        const sql::Value& value = values[i];
        if (value.kind() == sql::Value::Kind::null) {
            pointers_.push_back(nullptr);
            lengths_.push_back(0);
            own_begins_.push_back(nowhere);
        } else if (is_number(value)) {
            const std::size_t begin = own_.size();
            append_number(own_, value.integer(), type_of(types[i]));
            add_own(begin);
        } else {
            const ByteSpan bytes = value.bytes();
            pointers_.push_back(characters(bytes));
            lengths_.push_back(static_cast<int>(bytes.size()));
            own_begins_.push_back(nowhere);
        }
    }
    finish();
}

Parameters Parameters::columns(std::span<const sql::Value> rows, std::span<const Oid> types) {
    Parameters out;
    const std::size_t width = types.size(), height = rows.size() / width;
    for (std::size_t column = 0; column < width; ++column) {
        const Type& type = type_of(types[column]);
        const std::size_t begin = out.own_.size();
        bool nulls = false;
        for (std::size_t i = column; i < rows.size(); i += width)
            nulls = nulls || rows[i].kind() == sql::Value::Kind::null;
        for (const std::int64_t head :
             {std::int64_t{1}, std::int64_t{nulls}, std::int64_t{type.scalar},
              static_cast<std::int64_t>(height), std::int64_t{1}})
            append_number(out.own_, head, 4);
        for (std::size_t i = column; i < rows.size(); i += width)
            append_element(out.own_, rows[i], type);
        out.add_own(begin);
    }
    out.finish();
    return out;
}

void Parameters::add_own(std::size_t begin) {
    const std::size_t bytes = own_.size() - begin;
    require(bytes <= std::numeric_limits<int>::max(), "a parameter has less than 2 GiB");
    pointers_.push_back(nullptr);
    lengths_.push_back(static_cast<int>(bytes));
    own_begins_.push_back(begin);
}

void Parameters::finish() {
    for (std::size_t i = 0; i < pointers_.size(); ++i)
        if (own_begins_[i] != nowhere) pointers_[i] = own_.data() + own_begins_[i];
    formats_.assign(pointers_.size(), 1);
}

std::string text_for_many(const std::string& sql, std::span<const Oid> types) {
    std::string list, arrays, names;
    for (std::size_t i = 1; i <= types.size(); ++i) {
        const char* comma = i == 1 ? "" : ", ";
        const std::string n = std::to_string(i);
        list.append(comma).append("$").append(n);
        arrays.append(comma).append("$").append(n).append("::");
        arrays.append(type_of(types[i - 1]).name).append("[]");
        names.append(comma).append("p").append(n);
    }
    std::string values{"VALUES ("};
    values.append(list).append(")");
    const auto at = sql.find(values);
    require(at != std::string::npos, "a statement for many rows inserts its parameters in order");
    std::string out = sql.substr(0, at);
    out.append("SELECT ").append(names).append(" FROM unnest(").append(arrays);
    out.append(") AS r(").append(names).append(")");
    // What follows names a row's values by their parameters.
    bool in_comment = false;
    for (auto i = at + values.size(); i < sql.size(); ++i) {
        constexpr std::string_view open = "/*many ", close = "*/";
        if (sql.compare(i, open.size(), open) == 0) {
            in_comment = true;
            i += open.size() - 1;
            out += ' ';
        } else if (in_comment && sql.compare(i, close.size(), close) == 0) {
            in_comment = false;
            i += close.size() - 1;
        } else if (sql[i] == '$') {
            out += "r.p";
        } else {
            out += sql[i];
        }
    }
    return out;
}

}  // namespace vigil::verifier::postgres
