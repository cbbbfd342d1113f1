#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "core/base/ppm.hpp"
#include "core/schedule/calendar.hpp"
#include "verifier/store/store.hpp"

/// How a value of ours stands in a column, for every engine.
namespace vigil::verifier::sql {

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

/// A parameter as an engine binds it. Bytes and text are not copied: they must live until the
/// statement has run. Amounts are.
class Value {
public:
    enum class Kind : std::uint8_t { null, integer, bytes, text, amount };

    Value() : kind_{Kind::null}, integer_{} {}
    explicit Value(std::int64_t integer) : kind_{Kind::integer}, integer_{integer} {}
    Value(Kind bytes_or_text, ByteSpan bytes) : kind_{bytes_or_text}, span_{bytes} {}
    explicit Value(const std::array<std::uint8_t, 16>& amount)
        : kind_{Kind::amount}, amount_{amount} {}

    Kind kind() const { return kind_; }
    std::int64_t integer() const { return integer_; }
    /// Of bytes, text and amounts; an amount's live in this value.
    ByteSpan bytes() const { return kind_ == Kind::amount ? ByteSpan{amount_} : span_; }

private:
    Kind kind_;
    union {
        std::int64_t integer_;
        ByteSpan span_;
        std::array<std::uint8_t, 16> amount_;
    };
};

inline ByteSpan bytes_of(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline Value value(std::int64_t v) { return Value{v}; }
inline Value value(std::uint64_t v) { return Value{std::bit_cast<std::int64_t>(v)}; }
template <class T>
requires((std::integral<T> && sizeof(T) < 8) || std::is_enum_v<T>) Value value(T v) {
    return Value{static_cast<std::int64_t>(v)};
}
inline Value value(std::nullptr_t) { return Value{}; }
inline Value value(Instant v) { return Value{to_ms(v)}; }
inline Value value(Ppm v) { return value(v.value); }
template <class Tag>
Value value(Index<Tag> v) {
    return value(v.value);
}
inline Value value(ByteSpan v) { return {Value::Kind::bytes, v}; }
inline Value value(const ByteVector& v) { return value(ByteSpan{v}); }
template <std::size_t N, class Tag>
Value value(const FixedBytes<N, Tag>& v) {
    return value(ByteSpan{v});
}
inline Value value(Micro v) { return Value{to_bytes(v)}; }
inline Value value(const std::string& v) { return {Value::Kind::text, bytes_of(v)}; }
inline Value value(AsBytes v) { return value(bytes_of(v.content)); }
template <class T>
Value value(const std::optional<T>& v) {
    return v ? value(*v) : Value{};
}

/// A statement of an engine that has been started, at one of its rows.
class Statement {
public:
    virtual bool next() = 0;  ///< to the next row, first to the first
    virtual bool is_null(int column) const = 0;
    virtual std::int64_t integer(int column) const = 0;  ///< 0 when null
    virtual ByteSpan bytes(int column) const = 0;        ///< also of text; until next()
    virtual void finish() noexcept = 0;                  ///< may be started again

protected:
    ~Statement() = default;
};

inline void read(const Statement& s, int i, std::int64_t& v) { v = s.integer(i); }
inline void read(const Statement& s, int i, std::uint64_t& v) {
    v = std::bit_cast<std::uint64_t>(s.integer(i));
}
template <class T>
requires((std::integral<T> && sizeof(T) < 8) || std::is_enum_v<T>) void read(const Statement& s,
                                                                             int i, T& v) {
    v = static_cast<T>(s.integer(i));
}
inline void read(const Statement& s, int i, Instant& v) { v = instant_from_ms(s.integer(i)); }
inline void read(const Statement& s, int i, Ppm& v) { read(s, i, v.value); }
template <class Tag>
void read(const Statement& s, int i, Index<Tag>& v) {
    read(s, i, v.value);
}
template <std::size_t N, class Tag>
void read(const Statement& s, int i, FixedBytes<N, Tag>& v) {
    const ByteSpan bytes = s.bytes(i);
    if (bytes.size() != N) damaged_row("an id, key or hash has the wrong length");
    std::memcpy(v.bytes.data(), bytes.data(), N);
}
inline void read(const Statement& s, int i, ByteVector& v) {
    const ByteSpan bytes = s.bytes(i);
    v.assign(bytes.begin(), bytes.end());
}
inline void read(const Statement& s, int i, Micro& v) {
    std::array<std::uint8_t, 16> amount{};
    const ByteSpan bytes = s.bytes(i);
    if (bytes.size() != amount.size()) damaged_row("an amount has the wrong length");
    std::memcpy(amount.data(), bytes.data(), amount.size());
    v = micro_from_bytes(amount);
}
inline void read(const Statement& s, int i, std::string& v) {
    const ByteSpan text = s.bytes(i);
    v.assign(text.begin(), text.end());
}
inline void read(const Statement& s, int i, IntoBytes v) { read(s, i, v.content); }
template <class T>
void read(const Statement& s, int i, std::optional<T>& v) {
    if (s.is_null(i)) {
        v.reset();
    } else {
        read(s, i, v.emplace());
    }
}

}  // namespace vigil::verifier::sql
