#include "verifier/store/open_store.hpp"

#include "verifier/store/postgres/address.hpp"
#include "verifier/store/postgres_store.hpp"

namespace vigil::verifier {

std::string path_of(const std::string& place) {
    constexpr std::string_view prefix = "sqlite:";
    return place.starts_with(prefix) ? place.substr(prefix.size()) : place;
}

std::unique_ptr<Store> open_store_at(const std::string& place, StoreTransactions transactions) {
    if (postgres::is_postgres(place))
        return open_postgres_store(PostgresSettings{
            .uri = place, .bucket_transactions = transactions == StoreTransactions::bucket});
    return open_sqlite_store(path_of(place));
}

std::unique_ptr<Store> open_store_at_for_reading(const std::string& place) {
    if (postgres::is_postgres(place)) return open_postgres_store_for_reading(place);
    return open_sqlite_store_for_reading(path_of(place));
}

void check_place(const std::string& place) {
    if (postgres::is_postgres(place)) {
        const postgres::Address address{place, postgres::Address::Use::reading};
    } else if (path_of(place).find("://") != std::string::npos) {
        throw StoreFailed{
            "store: neither sqlite:PATH nor postgresql://USER@HOST/DATABASE; no other kind of "
            "store is known"};
    }
}

}  // namespace vigil::verifier
