#include "verifier/web/directory.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace vigil::verifier::web {
namespace {

constexpr std::array<OrderName, provider_orders> names{{{"rank", ProviderOrder::rank},
                                                        {"name", ProviderOrder::name},
                                                        {"rate", ProviderOrder::rate},
                                                        {"pass", ProviderOrder::pass_rate},
                                                        {"streak", ProviderOrder::up_run},
                                                        {"grace", ProviderOrder::grace},
                                                        {"today", ProviderOrder::today}}};
constexpr std::size_t most_words = 80;

/// A whole id or address finds what its first digits find.
std::string_view shortened(std::string_view word) {
    const std::size_t prefix = word.starts_with("0x") ? 2 : 0;
    const bool digits =
        word.find_first_not_of("0123456789abcdef", prefix) == std::string_view::npos;
    return digits ? word.substr(0, prefix + id_digits_searched) : word;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        if (!word.empty()) out.push_back(shortened(word));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
    }
    return out;
}

class Filter {
public:
    Filter(const Fleet& fleet, const DirectoryWish& wish)
        : fleet_{fleet}, wish_{wish}, words_{split(wish.words)} {}

    bool takes(std::uint32_t place) const {
        const FleetProvider& provider = fleet_.records->providers[place];
        if (wish_.state &&
            fleet_.provider_states[place][static_cast<std::size_t>(*wish_.state)] == 0)
            return false;
        if (wish_.least_rate && provider.rate.value < *wish_.least_rate * 1e6) return false;
        if (wish_.least_pass && provider.pass_rate() * 100 < static_cast<double>(*wish_.least_pass))
            return false;
        return std::all_of(words_.begin(), words_.end(), [&](std::string_view word) {
            const std::string& text = provider.haystack;
            return ::memmem(text.data(), text.size(), word.data(), word.size()) != nullptr;
        });
    }

private:
    const Fleet& fleet_;
    const DirectoryWish& wish_;
    const std::vector<std::string_view> words_;
};

Expected<std::optional<State>, std::string> state_of(const std::string& text) {
    if (text.empty()) return std::optional<State>{};
    for (const State state :
         {State::online, State::suspect, State::offline, State::waiting, State::retired})
        if (text == to_string(state)) return std::optional{state};
    return tl::unexpected{std::string{"state: online, suspect, offline, waiting or retired"}};
}

}  // namespace

const OrderName& name_of(ProviderOrder order) { return names[static_cast<std::size_t>(order)]; }

Expected<DirectoryWish, std::string> directory_wish(const Query& query) {
    DirectoryWish out;
    out.words = query.text("q").substr(0, most_words);
    for (char& c : out.words)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto state = state_of(query.text("state"));
    if (!state) return tl::unexpected{state.error()};
    out.state = *state;
    const auto rate = query.number("rate", 0, 1'000'000'000'000);
    if (!rate) return tl::unexpected{rate.error()};
    if (*rate) out.least_rate = static_cast<double>(**rate);
    const auto pass = query.number("pass", 0, 100);
    if (!pass) return tl::unexpected{pass.error()};
    out.least_pass = *pass;
    const auto page = query.number("page", 1, 1'000'000);
    if (!page) return tl::unexpected{page.error()};
    out.page = static_cast<std::size_t>(page->value_or(1));
    const auto rows = query.number("rows", 1, 1'000);
    if (!rows) return tl::unexpected{rows.error()};
    out.rows = static_cast<std::size_t>(rows->value_or(50));

    std::string sort = query.text("sort");
    out.reversed = sort.starts_with('-');
    if (out.reversed) sort.erase(0, 1);
    if (sort.empty()) return out;
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const OrderName& one) { return sort == one.name; });
    if (found == names.end())
        return tl::unexpected{
            std::string{"sort: rank, name, rate, pass, streak, grace or today, with - for the "
                        "other direction"}};
    out.order = found->order;
    return out;
}

DirectoryPage look_up(const Fleet& fleet, const DirectoryWish& wish) {
    const Filter filter{fleet, wish};
    const auto& order = fleet.records->orders[static_cast<std::size_t>(wish.order)];
    const std::size_t first = (wish.page - 1) * wish.rows;
    DirectoryPage out;
    const auto look = [&](std::uint32_t place) {
        if (!filter.takes(place)) return;
        if (out.found >= first && out.places.size() < wish.rows) out.places.push_back(place);
        ++out.found;
    };
    if (wish.reversed)
        std::for_each(order.rbegin(), order.rend(), look);
    else
        std::for_each(order.begin(), order.end(), look);
    out.pages = (out.found + wish.rows - 1) / wish.rows;
    return out;
}

}  // namespace vigil::verifier::web
