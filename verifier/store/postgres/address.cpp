#include "verifier/store/postgres/address.hpp"

#include <algorithm>
#include <memory>
#include <sys/stat.h>

#include "verifier/store/store.hpp"

namespace vigil::verifier::postgres {
namespace {

/// Used where the URI says nothing. A server that is gone is noticed within half a minute.
constexpr std::pair<const char*, const char*> defaults[] = {
    {"connect_timeout", "5"},
    {"keepalives_idle", "10"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
    {"client_encoding", "UTF8"},
    {"application_name", "vigil-verifier"},
};

/// libpq repeats parts of what it cannot parse, so its words are not ours to print.
[[noreturn]] void refuse_unreadable() {
    throw StoreFailed{
        "store: this is no connection URI that PostgreSQL's library understands; it looks like "
        "postgresql://USER@HOST:5432/DATABASE, several hosts separated by commas, options after ?"};
}

void check_mode(const std::string& password_file) {
    struct stat state {};
    if (::stat(password_file.c_str(), &state) != 0)
        throw StoreFailed{"store: the password file " + password_file +
                          " cannot be read; create it with mode 0600, owned by the verifier's "
                          "user"};
    if ((state.st_mode & 077) != 0)
        throw StoreFailed{"store: the password file " + password_file +
                          " may be read by others; chmod 600 " + password_file};
}

}  // namespace

bool is_postgres(std::string_view store) {
    return store.starts_with("postgresql:") || store.starts_with("postgres:");
}

Address::Address(std::string_view uri, Use use) {
    const std::unique_ptr<PQconninfoOption, FreeOptions> parsed{
        PQconninfoParse(std::string{uri}.c_str(), nullptr)};
    if (!parsed) refuse_unreadable();
    const auto value = [&](std::string_view keyword) -> std::string {
        const auto found = std::find_if(options_.begin(), options_.end(), [&](const auto& option) {
            return option.first == keyword;
        });
        return found == options_.end() ? std::string{} : found->second;
    };
    for (const PQconninfoOption* option = parsed.get(); option->keyword; ++option)
        if (option->val) options_.emplace_back(option->keyword, option->val);
    for (const char* secret : {"password", "sslpassword"})
        if (!value(secret).empty())
            throw StoreFailed{std::string{"store: the URI holds a "} + secret +
                              ", which every user of this machine can read in the list of "
                              "processes: " +
                              where_passwords_go};
    if (const std::string file = value("passfile"); !file.empty()) check_mode(file);
    for (const auto& [keyword, text] : defaults)
        if (value(keyword).empty()) options_.emplace_back(keyword, text);
    if (use == Use::writing && value("target_session_attrs").empty())
        options_.emplace_back("target_session_attrs", "read-write");

    name_ = "postgresql://";
    if (const auto user = value("user"); !user.empty()) name_.append(user).append("@");
    const auto host = value("host");
    name_ += host.empty() ? value("hostaddr") : host;
    if (const auto port = value("port"); !port.empty()) name_.append(":").append(port);
    name_.append("/").append(value("dbname"));
    if (const auto service = value("service"); !service.empty())
        name_.append("?service=").append(service);
}

}  // namespace vigil::verifier::postgres
