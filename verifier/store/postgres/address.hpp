#pragma once

#include <cstdint>
#include <libpq-fe.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vigil::verifier::postgres {

/// Where a PostgreSQL store is: a connection URI as libpq reads it, completed with what bounds
/// every wait. Holds no password: those come from a password file.
class Address {
public:
    /// Whoever writes needs the host that takes writes; readers take any.
    enum class Use : std::uint8_t { writing, reading };

    /// Throws StoreFailed, without the secret in its text, for a URI that libpq does not
    /// understand, one that holds a password, or a password file that others may read.
    Address(std::string_view uri, Use use);

    /// For messages: user, hosts and database.
    const std::string& name() const { return name_; }
    /// Keyword and value of each option.
    const std::vector<std::pair<std::string, std::string>>& options() const { return options_; }

private:
    std::string name_;
    std::vector<std::pair<std::string, std::string>> options_;
};

constexpr const char* where_passwords_go =
    "put it into ~/.pgpass (mode 0600), or name another file with ?passfile=FILE, or use a client "
    "certificate";

struct FreeOptions {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

/// Whether a text names a PostgreSQL store: begins with "postgresql:" or "postgres:".
bool is_postgres(std::string_view store);

}  // namespace vigil::verifier::postgres
