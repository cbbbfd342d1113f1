#include "verifier/store/postgres/connecting.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "verifier/store/postgres/failure.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::postgres {
namespace {

constexpr const char* cannot_connect = "08001";
constexpr const char* wrong_password = "28P01";
/// Where connecting failed later than that, somebody did not answer.
constexpr std::chrono::seconds refused_within{1};

bool is_refusal_of_password(PGconn* db) {
    return PQconnectionNeedsPassword(db) == 1 ||
           std::string_view{PQerrorMessage(db)}.find("authentication failed") != std::string::npos;
}

/// Of a failed attempt that was to tell nothing else.
std::string state_told(PGconn* db) {
    constexpr std::string_view mark = ":  ";  // after the severity, in whatever language
    constexpr std::size_t length = 5;
    const std::string text = PQerrorMessage(db);
    const std::size_t found = text.rfind(mark);
    if (found == std::string::npos) return cannot_connect;
    std::string state = text.substr(found + mark.size());
    while (state.ends_with('\n')) state.pop_back();
    const bool is_state =
        state.size() == length && std::all_of(state.begin(), state.end(), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
        });
    return is_state ? state : cannot_connect;
}

/// The library takes a password from a password file only when nobody else may read that. From the
/// environment and a service file it takes one unasked, and from there it gets into the hands of
/// child processes, crash reports and other users.
bool has_unguarded_password(PGconn* db) {
    const std::unique_ptr<PQconninfoOption, FreeOptions> used{PQconninfo(db)};
    if (!used) return false;
    for (const PQconninfoOption* option = used.get(); option->keyword; ++option)
        if (std::string_view{option->keyword} == "password" && option->val && *option->val)
            return true;
    return false;
}

/// The library keeps the server's SQLSTATE of a refused connection to itself, until it is asked to
/// say nothing else; and a wrong password or a missing database is not to be tried for ever. So the
/// server is asked twice.
Session attempt(const Address& address) {
    std::vector<const char*> keywords, values;
    for (const auto& [keyword, value] : address.options()) {
        keywords.push_back(keyword.c_str());
        values.push_back(value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    const auto begun = std::chrono::steady_clock::now();
    Session db{PQconnectdbParams(keywords.data(), values.data(), 0)};
    if (!db) throw_failure(address.name(), "out of memory", cannot_connect);
    if (PQstatus(db.get()) == CONNECTION_OK) return db;
    const std::string words = PQerrorMessage(db.get());
    if (is_refusal_of_password(db.get())) throw_failure(address.name(), words, wrong_password);
    if (std::chrono::steady_clock::now() - begun > refused_within)
        throw_failure(address.name(), words, cannot_connect);
    PQsetErrorVerbosity(db.get(), PQERRORS_SQLSTATE);
    PQreset(db.get());
    if (PQstatus(db.get()) != CONNECTION_OK)
        throw_failure(address.name(), words, state_told(db.get()));
    PQsetErrorVerbosity(db.get(), PQERRORS_DEFAULT);
    return db;
}

}  // namespace

Session connect(const Address& address) {
    Session db = attempt(address);
    if (has_unguarded_password(db.get()))
        throw StoreFailed{
            "store " + address.name() +
            ": its password comes from PGPASSWORD or a service file: " + where_passwords_go};
    PQsetNoticeProcessor(
        db.get(), [](void*, const char*) {}, nullptr);
    const char* encoding = PQparameterStatus(db.get(), "server_encoding");
    if (encoding && std::string_view{encoding} != "UTF8")
        throw StoreFailed{"store " + address.name() + ": the database's encoding is " + encoding +
                          "; create one with ENCODING 'UTF8'"};
    return db;
}

}  // namespace vigil::verifier::postgres
