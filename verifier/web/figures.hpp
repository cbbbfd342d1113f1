#pragma once

#include <optional>
#include <string>

#include "core/base/instant.hpp"
#include "core/base/micro.hpp"
#include "verifier/web/fleet.hpp"
#include "verifier/web/html.hpp"

/// Numbers and times as pages show them.
namespace vigil::verifier::web {

/// "4.61 GH/s", three digits; "–" for zero.
std::string rate_text(double hashes_per_second);
/// "4.61 ± 0.29 GH/s"
std::string rate_text(const MeasuredRate& rate);
/// "1,234.56"; six digits after the point below 0.01. Rounds down.
std::string short_credits(Micro amount);
/// "99.4 %"; "–" when there was nothing to pass.
std::string share_text(std::uint64_t part, std::uint64_t whole);
/// "45 s", "3 min", "2 h 5 min", "3 d 4 h".
std::string duration_text(Milliseconds time);
/// "2026-11-21 15:04:05"
std::string utc_text(Instant time);
std::string utc_date(Instant time);
/// "2026-11-21T15:04:05.123Z"
std::string iso_text(Instant time);
/// The first eight digits of an id.
std::string short_id(ByteSpan id);
std::string short_address(const PayoutAddress& payout);

/// <time>, UTC; a script adds the local time, to be seen on hover.
Html time_html(Instant time);
/// Only hours, minutes and seconds are shown.
Html clock_html(Instant time);
/// "in 3 min", counted down by a script.
Html countdown_html(Instant now, Instant until);
/// The amount in short, all of it on hover.
Html credits_html(Micro amount);

/// Where a number comes from.
enum class Source : std::uint8_t {
    verified,  ///< measured by the verifier's checks
    claimed,   ///< what the owner says; nobody checked it
    derived    ///< arithmetic over what was verified
};
Html source_html(Source source);

/// A shape and a word, so that colour is not needed.
Html state_html(State state);
Html state_html(State state, std::string_view words);
std::string_view shape_of(WindowOutcome outcome);
std::string_view css_class(WindowOutcome outcome);
std::string_view css_class(Verdict verdict);
std::string_view shape_of(Verdict verdict);
/// The word without the trailing underscore of names: "passed", "below rate".
std::string words_of(Verdict verdict);
std::string words_of(CheckKind kind);
/// "hourly check", "roll call": as a noun.
std::string noun_of(CheckKind kind);

}  // namespace vigil::verifier::web
