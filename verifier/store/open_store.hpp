#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// How answers share transactions on PostgreSQL. `whole`: all that have arrived share one for each
/// connection. `bucket`: one transaction holds answers of one bucket, which engines need that keep
/// buckets on different machines (Citus, YugabyteDB, CockroachDB).
enum class StoreTransactions : std::uint8_t { whole, bucket };

/// Opens the store at `place`: "sqlite:PATH", "postgresql://…", or a path, which is SQLite's.
/// Throws as the engine's opening function in store.hpp does.
std::unique_ptr<Store> open_store_at(const std::string& place, StoreTransactions transactions = {});
std::unique_ptr<Store> open_store_at_for_reading(const std::string& place);

/// The path of a place that is SQLite's.
std::string path_of(const std::string& place);

/// Throws StoreFailed, without connecting, for a place that cannot be one; above all for a URI with
/// a password in it. The message holds no part of the place that may be secret.
void check_place(const std::string& place);

}  // namespace vigil::verifier
