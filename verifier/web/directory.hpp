#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/expected.hpp"
#include "verifier/web/fleet.hpp"
#include "verifier/web/query.hpp"

namespace vigil::verifier::web {

/// What a reader wants to see of the providers. Empty or nothing: all.
struct DirectoryWish {
    std::string words;                       ///< all of them must be found, in lower case
    std::optional<State> state;              ///< of at least one device
    std::optional<double> least_rate;        ///< MH/s
    std::optional<std::int64_t> least_pass;  ///< percent of 30 days
    ProviderOrder order = ProviderOrder::rank;
    bool reversed = false;
    std::size_t page = 1;  ///< from 1
    std::size_t rows = 50;
};

/// The parts q, state, rate, pass, sort, page and rows of a query; an error is a sentence.
Expected<DirectoryWish, std::string> directory_wish(const Query& query);

struct DirectoryPage {
    std::vector<std::uint32_t> places;  ///< of records.providers
    std::size_t found{};                ///< on all pages
    std::size_t pages{};
};
/// One walk over an order that was sorted beforehand; about 10 ms for 100,000 providers.
DirectoryPage look_up(const Fleet& fleet, const DirectoryWish& wish);

struct OrderName {
    const char* name;  ///< in addresses
    ProviderOrder order;
};
const OrderName& name_of(ProviderOrder order);

}  // namespace vigil::verifier::web
