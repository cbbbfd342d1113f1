#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What open_postgres_store() does not let its caller choose; tests do.
struct PostgresSettings {
    std::string uri;
    std::size_t readers = 8;
    unsigned answer_writers = 2;          ///< connections that record answers
    bool bucket_transactions = false;     ///< one transaction holds answers of one bucket
    std::function<Instant()> clock = {};  ///< the database's; empty: the server's
};
std::unique_ptr<Store> open_postgres_store(const PostgresSettings& settings);

}  // namespace vigil::verifier
