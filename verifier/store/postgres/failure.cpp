#include "verifier/store/postgres/failure.hpp"

#include <algorithm>

#include "verifier/store/postgres/connection.hpp"

namespace vigil::verifier::postgres {
namespace {

constexpr std::string_view standby = "25006";      // a write where only reading is possible
constexpr std::string_view unknown = "40003";      // whether the transaction was committed
constexpr std::string_view stood_still = "25P03";  // in a transaction, for longer than is allowed
constexpr std::string_view timed_out = "57014";    // a statement, or somebody cancelled it

}  // namespace

bool may_be_repeated(std::string_view state) {
    return state == "40001" || state == unknown || state == "40P01" || state == "55P03" ||
           state == standby || state == stood_still || state.starts_with("08") ||
           state.starts_with("57P") || state == "53300";
}

bool is_standby(std::string_view state) { return state == standby; }

const char* advice(std::string_view state) {
    if (state == "40001" || state == "40P01" || state == "55P03")
        return "other transactions kept being in the way; nothing of this one was kept";
    if (state == unknown)
        return "the server cannot say whether it kept the transaction; the store looks before it "
               "writes again";
    if (state == standby)
        return "the server is a standby; name every host in the URI, so that the one that takes "
               "writes is found";
    if (state == stood_still)
        return "this program stood still in the middle of a transaction; nothing of it was kept";
    if (state.starts_with("08") || state.starts_with("57P"))
        return "check that the server runs and can be reached; the store goes on by itself then";
    if (state == "53300") return "raise max_connections, or let fewer programs connect";
    if (state.starts_with("53"))
        return "the server is out of disk, memory or connections; the store goes on by itself when "
               "it has some again";
    if (state.starts_with("28")) return "check the user, its password file and pg_hba.conf";
    if (state == "3D000") return "create the database: createdb, owned by the verifier's user";
    if (state == "42501")
        return "the verifier's user must own the tables and may create some in its schema";
    if (state == timed_out) return "a statement ran into its time limit; the server is overloaded";
    if (state.starts_with("XX") || state.starts_with("58"))
        return "the server reports damage; look into its log";
    return "nothing of the transaction was kept";
}

void throw_failure(const std::string& store, std::string words, std::string_view state) {
    while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
    std::replace(words.begin(), words.end(), '\n', ' ');
    const std::string text = "store " + store + ": " + words + " (PostgreSQL " +
                             std::string{state} + "): " + advice(state);
    if (may_be_repeated(state)) throw TryAgain{text};
    if (state.starts_with("53") || state == timed_out) throw StoreAway{text};
    throw StoreFailed{text};
}

}  // namespace vigil::verifier::postgres
