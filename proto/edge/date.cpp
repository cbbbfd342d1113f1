#include "proto/edge/date.hpp"

#include <algorithm>
#include <chrono>

namespace vigil::edge {

bool is_date(std::string_view text) {
    constexpr std::string_view form = "0000-00-00";
    if (text.size() != form.size()) return false;
    const auto as_in_form = [](char c, char f) { return f == '0' ? c >= '0' && c <= '9' : c == f; };
    if (!std::equal(text.begin(), text.end(), form.begin(), as_in_form)) return false;
    const auto number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        for (const char c : text.substr(at, digits)) value = 10 * value + unsigned(c - '0');
        return value;
    };
    return std::chrono::year_month_day{std::chrono::year{static_cast<int>(number(0, 4))},
                                       std::chrono::month{number(5, 2)},
                                       std::chrono::day{number(8, 2)}}
        .ok();
}

}  // namespace vigil::edge
