#include "verifier/day_words.hpp"

#include <charconv>
#include <chrono>
#include <optional>

#include "core/base/readable.hpp"

namespace vigil::verifier {
namespace {

std::string two_digits(unsigned value) {
    return {static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
}

/// All of it, nothing else.
template <class Number>
std::optional<Number> number_from(std::string_view word) {
    Number value{};
    const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
    if (read.ec != std::errc{} || read.ptr != word.data() + word.size()) return std::nullopt;
    return value;
}

/// "2026-01-31", and only so.
std::optional<std::chrono::sys_days> date_from(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = number_from<unsigned>(text.substr(0, 4));
    const auto month = number_from<unsigned>(text.substr(5, 2));
    const auto day = number_from<unsigned>(text.substr(8));
    if (!year || !month || !day) return std::nullopt;
    const std::chrono::year_month_day ymd{std::chrono::year{static_cast<int>(*year)},
                                          std::chrono::month{*month}, std::chrono::day{*day}};
    if (!ymd.ok()) return std::nullopt;
    return std::chrono::sys_days{ymd};
}

}  // namespace

std::string time_of_day(Instant t) {
    const std::chrono::hh_mm_ss clock{t - std::chrono::floor<std::chrono::days>(t)};
    return two_digits(static_cast<unsigned>(clock.hours().count())) + ":" +
           two_digits(static_cast<unsigned>(clock.minutes().count())) + ":" +
           two_digits(static_cast<unsigned>(clock.seconds().count()));
}

std::string date(Instant t) {
    const std::chrono::year_month_day ymd{std::chrono::floor<std::chrono::days>(t)};
    return std::to_string(static_cast<int>(ymd.year())) + "-" +
           two_digits(static_cast<unsigned>(ymd.month())) + "-" +
           two_digits(static_cast<unsigned>(ymd.day()));
}

std::string moment(Instant t) {
    std::string time = time_of_day(t);
    if (time.ends_with(":00")) time.resize(time.size() - 3);
    return date(t).append(" ").append(time).append(" UTC");
}

std::string begin_words(DayIndex day, const Calendar& calendar) {
    const Instant begin = calendar.span(day).begin;
    return calendar.day_length() == std::chrono::days{1} ? date(begin) : moment(begin);
}

std::string day_words(DayIndex day, const Calendar& calendar) {
    return std::to_string(day.value).append(" (").append(begin_words(day, calendar)).append(")");
}

Expected<DayIndex, std::string> day_named(const std::string& text, const Calendar& calendar) {
    if (const auto number = number_from<std::int64_t>(text)) return DayIndex{*number};
    const auto day = date_from(text);
    if (!day)
        return tl::unexpected{std::string{
            "no day: give its number, as the device's page has it, or a date such as 2026-01-31"}};
    if (calendar.day_length() == std::chrono::days{1})
        return DayIndex{day->time_since_epoch().count()};
    return tl::unexpected{
        "a day of this network has " +
        grouped(static_cast<std::uint64_t>(calendar.day_length().count() / 1000)) +
        " s, so a date does not name one: give its number, as the device's page has it"};
}

std::string credits(Micro amount) { return to_credits(amount) + " credits"; }

}  // namespace vigil::verifier
