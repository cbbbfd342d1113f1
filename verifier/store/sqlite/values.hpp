#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "core/base/ppm.hpp"
#include "core/schedule/calendar.hpp"
#include "verifier/store/store.hpp"

/// How a value of ours stands in a column. `bind` keeps no copy unless said otherwise: what is
/// bound must live until the statement has run.
namespace vigil::verifier::sqlite {

/// Text that is bytes: stored as BYTEA, because it need not be UTF-8.
struct AsBytes {
    const std::string& content;
};
struct IntoBytes {
    std::string& content;
};

[[noreturn]] inline void damaged_row(const char* what) {
    throw StoreFailed{std::string{"the store holds a damaged row: "} + what +
                      "; restore it from a backup"};
}

inline int bind(sqlite3_stmt* s, int i, std::int64_t v) { return sqlite3_bind_int64(s, i, v); }
inline int bind(sqlite3_stmt* s, int i, std::uint64_t v) {
    return sqlite3_bind_int64(s, i, std::bit_cast<std::int64_t>(v));
}
template <class T>
requires((std::integral<T> && sizeof(T) < 8) || std::is_enum_v<T>) int bind(sqlite3_stmt* s, int i,
                                                                            T v) {
    return sqlite3_bind_int64(s, i, static_cast<std::int64_t>(v));
}
inline int bind(sqlite3_stmt* s, int i, std::nullptr_t) { return sqlite3_bind_null(s, i); }
inline int bind(sqlite3_stmt* s, int i, Instant v) { return bind(s, i, to_ms(v)); }
inline int bind(sqlite3_stmt* s, int i, Ppm v) { return bind(s, i, v.value); }
template <class Tag>
int bind(sqlite3_stmt* s, int i, Index<Tag> v) {
    return bind(s, i, v.value);
}
inline int bind(sqlite3_stmt* s, int i, ByteSpan v) {
    // A null pointer would bind NULL, not empty bytes.
    return v.empty() ? sqlite3_bind_zeroblob(s, i, 0)
                     : sqlite3_bind_blob64(s, i, v.data(), v.size(), SQLITE_STATIC);
}
inline int bind(sqlite3_stmt* s, int i, const ByteVector& v) { return bind(s, i, ByteSpan{v}); }
template <std::size_t N, class Tag>
int bind(sqlite3_stmt* s, int i, const FixedBytes<N, Tag>& v) {
    return bind(s, i, ByteSpan{v});
}
inline int bind(sqlite3_stmt* s, int i, Micro v) {  // copies
    const auto bytes = to_bytes(v);
    return sqlite3_bind_blob64(s, i, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}
inline int bind(sqlite3_stmt* s, int i, const std::string& v) {
    return sqlite3_bind_text64(s, i, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
}
inline int bind(sqlite3_stmt* s, int i, AsBytes v) {
    return bind(
        s, i, ByteSpan{reinterpret_cast<const std::uint8_t*>(v.content.data()), v.content.size()});
}
template <class T>
int bind(sqlite3_stmt* s, int i, const std::optional<T>& v) {
    return v ? bind(s, i, *v) : sqlite3_bind_null(s, i);
}

inline ByteSpan bytes_at(sqlite3_stmt* s, int i) {
    const void* data = sqlite3_column_blob(s, i);
    return {static_cast<const std::uint8_t*>(data),
            static_cast<std::size_t>(sqlite3_column_bytes(s, i))};
}

inline void read(sqlite3_stmt* s, int i, std::int64_t& v) { v = sqlite3_column_int64(s, i); }
inline void read(sqlite3_stmt* s, int i, std::uint64_t& v) {
    v = std::bit_cast<std::uint64_t>(std::int64_t{sqlite3_column_int64(s, i)});
}
template <class T>
requires((std::integral<T> && sizeof(T) < 8) || std::is_enum_v<T>) void read(sqlite3_stmt* s, int i,
                                                                             T& v) {
    v = static_cast<T>(sqlite3_column_int64(s, i));
}
inline void read(sqlite3_stmt* s, int i, Instant& v) {
    v = instant_from_ms(sqlite3_column_int64(s, i));
}
inline void read(sqlite3_stmt* s, int i, Ppm& v) { read(s, i, v.value); }
template <class Tag>
void read(sqlite3_stmt* s, int i, Index<Tag>& v) {
    read(s, i, v.value);
}
template <std::size_t N, class Tag>
void read(sqlite3_stmt* s, int i, FixedBytes<N, Tag>& v) {
    const ByteSpan bytes = bytes_at(s, i);
    if (bytes.size() != N) damaged_row("an id, key or hash has the wrong length");
    std::memcpy(v.bytes.data(), bytes.data(), N);
}
inline void read(sqlite3_stmt* s, int i, ByteVector& v) {
    const ByteSpan bytes = bytes_at(s, i);
    v.assign(bytes.begin(), bytes.end());
}
inline void read(sqlite3_stmt* s, int i, Micro& v) {
    std::array<std::uint8_t, 16> amount{};
    const ByteSpan bytes = bytes_at(s, i);
    if (bytes.size() != amount.size()) damaged_row("an amount has the wrong length");
    std::memcpy(amount.data(), bytes.data(), amount.size());
    v = micro_from_bytes(amount);
}
inline void read(sqlite3_stmt* s, int i, std::string& v) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
    v.assign(text ? text : "", static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
}
inline void read(sqlite3_stmt* s, int i, IntoBytes v) {
    const ByteSpan bytes = bytes_at(s, i);
    v.content.assign(bytes.begin(), bytes.end());
}
template <class T>
void read(sqlite3_stmt* s, int i, std::optional<T>& v) {
    if (sqlite3_column_type(s, i) == SQLITE_NULL) {
        v.reset();
    } else {
        read(s, i, v.emplace());
    }
}

}  // namespace vigil::verifier::sqlite
