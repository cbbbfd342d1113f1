#include "verifier/store/copy_tables.hpp"

#include <algorithm>
#include <limits>

#include "core/base/require.hpp"
#include "core/crypto/keccak256.hpp"
#include "verifier/store/schema.hpp"
#include "verifier/store/schema_version.hpp"
#include "verifier/store/sqlite/connection.hpp"

namespace vigil::verifier {
namespace {

/// An answer may have a megabyte; most have two kilobytes.
constexpr int page_rows = 250;

std::string joined(const std::vector<std::string>& parts) {
    std::string out;
    for (const auto& part : parts) {
        if (!out.empty()) out.append(", ");
        out.append(part);
    }
    return out;
}

std::string parameter(std::size_t number) {
    std::string out{"$"};
    return out.append(std::to_string(number));
}

sql::Value value_of(const CopiedTable::Cell& cell, const CopiedTable::Column& column) {
    if (cell.null) return {};
    if (column.number) return sql::Value{cell.number};
    return {column.text ? sql::Value::Kind::text : sql::Value::Kind::bytes, cell.bytes};
}

std::int64_t first_number(sql::Rows rows) {
    std::int64_t out = 0;
    if (rows.next()) rows.into(out);
    return out;
}

}  // namespace

CopiedTable::CopiedTable(std::string name, std::vector<Column> columns)
    : name_{std::move(name)}, columns_{std::move(columns)} {
    std::vector<std::string> names, parameters, key, bounds;
    by_bucket_ = columns_.front().name == "bucket";
    for (const Column& column : columns_) {
        names.push_back(column.name);
        parameters.push_back(parameter(names.size()));
    }
    for (int place = by_bucket_ ? 2 : 1;; ++place) {
        const auto found = std::find_if(columns_.begin(), columns_.end(),
                                        [&](const Column& c) { return c.key == place; });
        if (found == columns_.end()) break;
        require(found->number || !by_bucket_, "what grows has numbers as keys");
        key_.push_back(static_cast<std::size_t>(found - columns_.begin()));
        key.push_back(found->name);
        bounds.push_back(parameter(key_.size() + 1));
    }
    count_.append("SELECT count(*) FROM ").append(name_);
    count_bucket_.append(count_).append(" WHERE bucket = $1");
    read_.append("SELECT ").append(joined(names)).append(" FROM ").append(name_);
    if (by_bucket_) {
        read_.append(" WHERE bucket = $1 AND (").append(joined(key)).append(") > (");
        read_.append(joined(bounds)).append(")");
    }
    read_.append(" ORDER BY ").append(joined(key));
    if (by_bucket_) read_.append(" LIMIT ").append(std::to_string(page_rows));
    insert_.append("INSERT INTO ").append(name_).append(" (").append(joined(names));
    insert_.append(") VALUES (").append(joined(parameters)).append(") ON CONFLICT DO NOTHING");
}

std::int64_t CopiedTable::count(sql::Connection& db) const {
    return first_number(db.run(sql::Sql::kept(count_)));
}

std::int64_t CopiedTable::count(sql::Connection& db, int bucket) const {
    return first_number(db.run(sql::Sql::kept(count_bucket_), bucket));
}

std::vector<CopiedTable::Row> CopiedTable::read(sql::Connection& db, int bucket,
                                                const Row& last) const {
    std::vector<sql::Value> bounds;
    if (by_bucket_) {
        bounds.push_back(sql::value(bucket));
        for (const std::size_t column : key_)
            bounds.emplace_back(last.empty() ? columns_[column].least : last[column].number);
    }
    std::vector<Row> out;
    sql::Rows rows = db.run_with(sql::Sql::kept(read_), bounds);
    while (rows.next()) {
        Row& row = out.emplace_back(columns_.size());
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const auto place = static_cast<int>(i);
            row[i].null = rows.is_null(place);
            if (columns_[i].number)
                rows.read_at(place, row[i].number);
            else
                rows.read_at(place, row[i].bytes);
        }
    }
    return out;
}

void CopiedTable::write(sql::Connection& db, const std::vector<Row>& rows) const {
    db.execute_many(sql::Sql::kept(insert_), rows, [this](const Row& row) {
        std::vector<sql::Value> values;
        for (std::size_t i = 0; i < row.size(); ++i)
            values.push_back(value_of(row[i], columns_[i]));
        return values;
    });
}

Hash CopiedTable::digest(sql::Connection& db, std::int64_t rows) const {
    ByteVector text;
    const auto add = [&text](std::int64_t number) {
        for (int shift = 56; shift >= 0; shift -= 8)
            text.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> shift));
    };
    add(rows);
    if (by_bucket_) return keccak256(text);
    for (const Row& row : read(db, 0, {})) {
        for (const Cell& cell : row) {
            add(cell.null ? -1 : std::ssize(cell.bytes));
            add(cell.number);
            text.insert(text.end(), cell.bytes.begin(), cell.bytes.end());
        }
    }
    return keccak256(text);
}

std::deque<CopiedTable> copied_tables() {
    // The schema says itself what is in it, after all its steps.
    std::string text;
    for (const SchemaStep& step : schema_steps())
        text.append(text_for(Engine::sqlite, step.sql)).append("\n");
    sqlite::Connection db{":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    db.script(text);
    std::deque<CopiedTable> out;
    sql::Rows tables = db.run(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('meta', 'buckets')"
        " ORDER BY name");
    for (std::string name; tables.next();) {
        tables.into(name);
        std::vector<CopiedTable::Column> columns;
        sql::Rows rows =
            db.run("SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid", name);
        while (rows.next()) {
            std::string type;
            CopiedTable::Column& column = columns.emplace_back();
            rows.into(column.name, type, column.key);
            column.number = type == "BIGINT" || type == "INTEGER";
            column.least = type == "INTEGER" ? std::numeric_limits<std::int32_t>::min()
                                             : std::numeric_limits<std::int64_t>::min();
            column.text = type == "TEXT";
        }
        out.emplace_back(name, std::move(columns));
    }
    return out;
}

}  // namespace vigil::verifier
