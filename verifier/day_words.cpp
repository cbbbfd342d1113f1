#include "verifier/day_words.hpp"

#include <chrono>

#include "core/base/readable.hpp"

namespace vigil::verifier {
namespace {

std::string two_digits(unsigned value) {
    return {static_cast<char>('0' + value / 10 % 10), static_cast<char>('0' + value % 10)};
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

std::string credits(Micro amount) { return to_credits(amount) + " credits"; }

}  // namespace vigil::verifier
