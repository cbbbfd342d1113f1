#pragma once

#include <string>

#include "core/base/expected.hpp"
#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "core/schedule/calendar.hpp"

namespace vigil::verifier {

/// "14:00:00", UTC.
std::string time_of_day(Instant t);
/// "2026-01-31", UTC.
std::string date(Instant t);
/// "2026-01-31 14:00 UTC"; with seconds where they are not zero.
std::string moment(Instant t);
/// When a day begins: "2026-01-31" where a day has 24 hours, else as moment() has it.
std::string begin_words(DayIndex day, const Calendar& calendar);
/// "20484 (2026-01-31)"
std::string day_words(DayIndex day, const Calendar& calendar);
/// A day's number or, where a day has 24 hours, its date. The error is a sentence.
Expected<DayIndex, std::string> day_named(const std::string& text, const Calendar& calendar);
/// "10.32 credits"
std::string credits(Micro amount);

}  // namespace vigil::verifier
