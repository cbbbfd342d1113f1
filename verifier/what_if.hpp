#pragma once

#include <span>
#include <string>
#include <vector>

#include "verifier/explain.hpp"

namespace vigil::verifier {

/// What a downtime of one device costs. A window that is not closed yet has its checks at moments
/// that nobody knows, so it is counted twice: at best with the checks outside the downtime wherever
/// they can be, at worst inside it. A closed one is judged again by the checks that it had: one
/// that ran while the device was away, however short, is missed.
struct WhatIf {
    std::vector<std::string> lines;  ///< for people, as explain()'s
    Micro least, most;               ///< less on the balance after the last of the days
};

/// `days`: those that the downtime meets, ascending, one after the other. Windows that are not
/// closed yet are counted as passed at `rate`. Every outcome, credit, grace and slash is core's
/// (protocol 6 to 8): window_result, day_result, step.
WhatIf what_if(std::span<const DayFile> days, const Span& offline, std::uint64_t rate);

/// "14:00-20:00", "22:00:30-04:00" (into the next day), as times since the begin of a day of that
/// length, and 24:00 is its end. The error is a sentence.
struct DayPart {
    Milliseconds begin{}, end{};  ///< end > begin; beyond the day's length it is the next day's
};
Expected<DayPart, std::string> day_part_from(const std::string& text, Milliseconds day);

/// The same over several days: from `text`'s begin on the first to its end on the last of `days`,
/// which may be an earlier time of day. `days`: at least 1.
Expected<DayPart, std::string> days_part_from(const std::string& text, Milliseconds day,
                                              std::int64_t days);
/// The days that it meets, counted from the one that it begins in.
std::int64_t days_met(const DayPart& part, Milliseconds day);
constexpr std::int64_t most_days_away = 31;

}  // namespace vigil::verifier
