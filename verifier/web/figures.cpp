#include "verifier/web/figures.hpp"

#include <array>
#include <chrono>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/crypto/payout_address.hpp"

namespace vigil::verifier::web {
namespace {

struct Scale {
    double unit;
    const char* name;
};
Scale scale_of(double rate) {
    for (const Scale scale :
         {Scale{1e15, "PH/s"}, {1e12, "TH/s"}, {1e9, "GH/s"}, {1e6, "MH/s"}, {1e3, "kH/s"}})
        if (rate >= scale.unit) return scale;
    return {1, "H/s"};
}

/// Three digits.
std::string digits(double value) {
    return value >= 99.95   ? fmt::format("{:.0f}", value)
           : value >= 9.995 ? fmt::format("{:.1f}", value)
                            : fmt::format("{:.2f}", value);
}

std::string underscores_gone(std::string_view name) {
    std::string out{name};
    for (char& c : out)
        if (c == '_') c = ' ';
    return out;
}

std::string clock_text(Instant time) {
    const std::chrono::hh_mm_ss clock{time - std::chrono::floor<std::chrono::days>(time)};
    return fmt::format("{:02}:{:02}:{:02}", clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

}  // namespace

std::string rate_text(double rate) {
    if (rate <= 0) return "–";
    const Scale scale = scale_of(rate);
    return digits(rate / scale.unit) + " " + scale.name;
}

std::string rate_text(const MeasuredRate& rate) {
    if (rate.value <= 0) return "–";
    const Scale scale = scale_of(rate.value);
    return fmt::format("{} ± {} {}", digits(rate.value / scale.unit),
                       digits(rate.half_width / scale.unit), scale.name);
}

std::string short_credits(Micro amount) {
    const Micro::Count count = amount.count();
    if (count > 0 && count < 10'000) return to_credits(amount);
    const auto cents = static_cast<unsigned>(count / 10'000 % 100);
    return fmt::format("{}.{:02}", grouped(count / 1'000'000), cents);
}

std::string share_text(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "–";
    const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    return part == whole ? "100 %" : fmt::format("{:.1f} %", std::min(share, 99.9));
}

std::string duration_text(Milliseconds time) {
    const std::int64_t s = std::max<std::int64_t>(0, time.count()) / 1000;
    if (s < 120) return fmt::format("{} s", s);
    if (s < 3600) return fmt::format("{} min", s / 60);
    if (s < 86'400) return fmt::format("{} h {} min", s / 3600, s / 60 % 60);
    return fmt::format("{} d {} h", s / 86'400, s / 3600 % 24);
}

std::string utc_date(Instant time) {
    const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(time)};
    return fmt::format("{}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string utc_text(Instant time) { return utc_date(time) + " " + clock_text(time); }

std::string iso_text(Instant time) {
    return fmt::format("{}T{}.{:03}Z", utc_date(time), clock_text(time), to_ms(time) % 1000);
}

std::string short_id(ByteSpan id) { return to_hex(id.first(std::min<std::size_t>(4, id.size()))); }

std::string short_address(const PayoutAddress& payout) {
    const std::string text = to_checksum_text(payout);
    return text.substr(0, 6) + "…" + text.substr(text.size() - 4);
}

Html time_html(Instant time) {
    return element("time", {{"datetime", iso_text(time)}}, {utc_text(time)});
}

Html clock_html(Instant time) {
    return element("time", {{"datetime", iso_text(time)}, {"title", utc_text(time) + " UTC"}},
                   {clock_text(time)});
}

Html countdown_html(Instant now, Instant until) {
    return element("time",
                   {{"datetime", iso_text(until)}, {"data-until", std::to_string(to_ms(until))}},
                   {duration_text(until - now)});
}

Html credits_html(Micro amount) {
    return element("data",
                   {{"value", to_credits(amount)}, {"title", to_credits(amount) + " credits"}},
                   {short_credits(amount)});
}

Html source_html(Source source) {
    switch (source) {
        case Source::verified:
            return element(
                "small",
                {{"class", "src verified"}, {"title", "measured by the verifier's checks"}},
                {"verified"});
        case Source::claimed:
            return element(
                "small",
                {{"class", "src claimed"}, {"title", "what the owner says; nobody checked it"}},
                {"claimed"});
        case Source::derived:
            return element(
                "small", {{"class", "src derived"}, {"title", "arithmetic over what was verified"}},
                {"derived"});
    }
    return {};
}

Html state_html(State state, std::string_view words) {
    constexpr std::array<std::string_view, state_count> shapes{"●", "◐", "○", "◌", "✕"};
    return element("span", {{"class", "state " + std::string{to_string(state)}}},
                   {element("span", {{"class", "shape"}, {"aria-hidden", "true"}},
                            {shapes[static_cast<std::size_t>(state)]}),
                    " ", words});
}

Html state_html(State state) { return state_html(state, to_string(state)); }

std::string_view shape_of(WindowOutcome outcome) {
    switch (outcome) {
        case WindowOutcome::complete:
            return "✓";
        case WindowOutcome::incomplete:
            return "✗";
        case WindowOutcome::voided:
            return "○";
        case WindowOutcome::maintenance:
        case WindowOutcome::busy:
            return "◇";
        case WindowOutcome::unenrolled:
            return "·";
    }
    return "?";
}

std::string_view css_class(WindowOutcome outcome) {
    switch (outcome) {
        case WindowOutcome::complete:
            return "good";
        case WindowOutcome::incomplete:
            return "bad";
        case WindowOutcome::voided:
        case WindowOutcome::maintenance:
        case WindowOutcome::busy:
        case WindowOutcome::unenrolled:
            return "neutral";
    }
    return "neutral";
}

std::string_view css_class(Verdict verdict) {
    switch (verdict) {
        case Verdict::passed:
            return "good";
        case Verdict::below_rate:
        case Verdict::late:
        case Verdict::bad_proof:
        case Verdict::missed:
            return "bad";
        case Verdict::voided:
        case Verdict::maintenance:
        case Verdict::busy:
            return "neutral";
    }
    return "neutral";
}

std::string_view shape_of(Verdict verdict) {
    const std::string_view kind = css_class(verdict);
    return kind == "good" ? "✓" : kind == "bad" ? "✗" : "○";
}

std::string words_of(Verdict verdict) { return underscores_gone(to_string(verdict)); }
std::string words_of(CheckKind kind) { return underscores_gone(to_string(kind)); }

std::string noun_of(CheckKind kind) {
    const bool adjective = kind == CheckKind::hourly || kind == CheckKind::spot;
    return words_of(kind).append(adjective ? " check" : "");
}

}  // namespace vigil::verifier::web
