#include "verifier/what_if.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/readable.hpp"
#include "core/base/require.hpp"
#include "verifier/day_words.hpp"

namespace vigil::verifier {
namespace {

/// A window as it is without the downtime, and with it.
struct Window {
    Span span;
    bool closed{};
    bool met{};  ///< by the downtime, so that it may be another window
    DayWindow without, best, worst;
    std::vector<std::string> lines;
};

bool meet(const Span& a, const Span& b) { return a.begin < b.end && b.begin < a.end; }
bool holds(const Span& outer, const Span& inner) {
    return outer.begin <= inner.begin && inner.end <= outer.end;
}

DayWindow as_day_window(const WindowResult& result, std::uint64_t rate) {
    return {.outcome = result.outcome, .roll_call_rate = rate};
}

std::string said(const WindowResult& result) {
    return std::string{to_string(result.outcome)} + " - " + result.reason;
}

/// By the checks that it had.
void judge_again(const DayFile& file, const WindowRecord& record, const Span& offline,
                 Window& window) {
    if (record.outcome != WindowOutcome::complete) return;  // it cannot be worse
    std::optional<Verdict> roll_call;
    std::vector<Verdict> others;
    std::size_t lost = 0;
    for (const CheckRow& row : file.checks) {
        if (row.verdict.claim.window != record.window) continue;
        Verdict verdict = row.final_verdict();
        // A void check stays void: the device was not to blame before either.
        if (verdict != Verdict::voided &&
            meet({row.verdict.start, row.verdict.deadline}, offline)) {
            verdict = Verdict::missed;
            ++lost;
        }
        if (row.verdict.claim.kind == CheckKind::roll_call)
            roll_call = verdict;
        else if (row.verdict.claim.kind == CheckKind::hourly ||
                 row.verdict.claim.kind == CheckKind::spot)
            others.push_back(verdict);
    }
    // A window of the record has its roll call's verdict; without one nothing is known better.
    if (!roll_call) return;
    const WindowResult result = window_result(roll_call, others, file.policy);
    window.met = true;
    window.best = window.worst = as_day_window(result, record.roll_call_rate);
    window.lines.push_back("    with it: " + grouped(lost) + " of its checks missed, " +
                           said(result));
}

/// By what the calendar alone says: one fleet check a slot, one of them the roll call.
void judge_ahead(const DayFile& file, WindowIndex index, const Span& offline, std::uint64_t rate,
                 Window& window) {
    const Calendar calendar{file.policy};
    std::uint32_t met = 0, whole = 0;
    for (std::int64_t i = 0; i < calendar.slots_per_window(); ++i) {
        const Span slot = calendar.span(calendar.first_slot(index) + i);
        if (meet(slot, offline)) ++met;
        if (holds(offline, slot)) ++whole;
    }
    if (met == 0) return;
    const auto slots = static_cast<std::uint32_t>(calendar.slots_per_window());
    const bool spared = whole < slots;  // the roll call may be in a slot that is not all downtime
    const std::uint32_t least = spared ? whole : whole - 1;
    std::vector<Verdict> others(slots - 1 + file.policy.spots_per_window, Verdict::passed);
    std::fill_n(others.begin(), least, Verdict::missed);
    const WindowResult best =
        window_result(spared ? Verdict::passed : Verdict::missed, others, file.policy);
    std::fill_n(others.begin(), met - 1, Verdict::missed);
    const WindowResult worst = window_result(Verdict::missed, others, file.policy);
    window.met = true;
    window.best = as_day_window(best, rate);
    window.worst = as_day_window(worst, rate);
    window.lines.push_back("    with it: " + grouped(met) + " of " + grouped(slots) +
                           " slots are met, " + grouped(whole) +
                           " of them whole; each slot has one check, and one of them is the roll "
                           "call");
    window.lines.push_back("    at best: " + said(best));
    window.lines.push_back("    at worst: " + said(worst));
}

Window window_of(const DayFile& file, WindowIndex index, const Span& offline, std::uint64_t rate) {
    Window window;
    window.span = Calendar{file.policy}.span(index);
    const auto record = std::find_if(file.windows.begin(), file.windows.end(),
                                     [&](const WindowRecord& w) { return w.window == index; });
    window.closed = record != file.windows.end();
    const auto why_not = why_not_counted(file, window.span);
    std::string words;
    if (window.closed) {
        window.without = {.outcome = record->outcome, .roll_call_rate = record->roll_call_rate};
        words = std::string{to_string(record->outcome)} + " - " + record->reason;
    } else {
        window.without = {.outcome = why_not ? WindowOutcome::unenrolled : WindowOutcome::complete,
                          .roll_call_rate = rate};
        words = why_not ? *why_not + ": does not count"
                        : "not closed yet, counted as complete at " + grouped(rate) + " H/s";
    }
    window.best = window.worst = window.without;
    window.lines.push_back(words);
    if (!meet(window.span, offline)) return window;
    if (window.closed)
        judge_again(file, *record, offline, window);
    else if (!why_not)
        judge_ahead(file, index, offline, rate, window);
    return window;
}

/// One of the three ways a day may go, and the standing that it leads to.
struct Way {
    const char* name;
    DayWindow Window::*windows;
    Standing standing{};
};

void follow(Way& way, const DayFile& file, std::span<const Window> windows,
            std::vector<std::string>& lines) {
    std::vector<DayWindow> outcomes;
    for (const Window& window : windows) outcomes.push_back(window.*way.windows);
    const Calendar calendar{file.policy};
    const DayResult day =
        day_result(file.policy,
                   {.day = file.day,
                    .programme_start = file.genesis.programme_start_day,
                    .enrolment_day = calendar.day_at(file.device.enrolled) == file.day ||
                                     calendar.day_at(file.device.active_from) == file.day},
                   outcomes);
    const StandingStep stepped = step(way.standing, day.outcome, day.credit, file.policy);
    std::string line =
        std::string{way.name} + ": " + std::string{to_string(day.outcome)} + " - " + day.reason;
    if (stepped.grace_used)
        line += "; a grace day covers it, " + grouped(stepped.after.grace_left) + " left";
    if (stepped.tier > 0)
        line += "; down day " + grouped(stepped.after.down_run) + " in a row, slashed " +
                credits(stepped.slashed) + " of " + credits(way.standing.balance);
    lines.push_back(std::move(line));
    lines.push_back("    balance " + credits(way.standing.balance) + " -> " +
                    credits(stepped.after.balance) + ", " + grouped(stepped.after.service_days) +
                    " of " + grouped(file.policy.grace_every_days) +
                    " service days towards grace, " + grouped(stepped.after.grace_left) +
                    " grace days in hand");
    way.standing = stepped.after;
}

std::string to_the_second(Instant t) { return date(t) + " " + time_of_day(t); }

}  // namespace

WhatIf what_if(std::span<const DayFile> days, const Span& offline, std::uint64_t rate) {
    require(!days.empty(), "a downtime meets a day");
    const Standing before = days.front().before ? days.front().before->after : Standing{};
    std::array<Way, 3> ways{{{"without the downtime", &Window::without, before},
                             {"at best", &Window::best, before},
                             {"at worst", &Window::worst, before}}};
    WhatIf out;
    out.lines.push_back("device " + to_hex(days.front().device.id) + ", offline " +
                        to_the_second(offline.begin) + " to " + to_the_second(offline.end) +
                        " UTC");
    for (const DayFile& file : days) {
        const Calendar calendar{file.policy};
        const Span span = calendar.span(file.day);
        out.lines.push_back("day " + std::to_string(file.day.value) + ": " +
                            to_the_second(span.begin) + " to " + to_the_second(span.end) +
                            " UTC, policy " + file.policy.name);
        std::vector<Window> windows;
        for (std::int64_t i = 0; i < calendar.windows_per_day(); ++i) {
            windows.push_back(window_of(file, calendar.first_window(file.day) + i, offline, rate));
            Window& window = windows.back();
            out.lines.push_back("  window " + std::to_string(i + 1) + " of " +
                                std::to_string(calendar.windows_per_day()) + ", " +
                                time_of_day(window.span.begin) + " to " +
                                time_of_day(window.span.end) + ": " + window.lines.front());
            out.lines.insert(out.lines.end(), window.lines.begin() + 1, window.lines.end());
        }
        for (Way& way : ways) follow(way, file, windows, out.lines);
    }
    const auto cost = [&](const Way& way) {
        const Micro kept = std::min(ways[0].standing.balance, way.standing.balance);
        return ways[0].standing.balance - kept;
    };
    out.least = std::min(cost(ways[1]), cost(ways[2]));
    out.most = std::max(cost(ways[1]), cost(ways[2]));
    out.lines.push_back("the downtime costs " +
                        (out.least == out.most
                             ? credits(out.most)
                             : to_credits(out.least) + " to " + credits(out.most)));
    return out;
}

namespace {

/// "14:00", "00:01:10".
std::string time_of_day(Milliseconds since) {
    const std::int64_t seconds = since / std::chrono::seconds{1};
    std::string text;
    for (const std::int64_t part : {seconds / 3600, seconds / 60 % 60, seconds % 60}) {
        if (text.size() == 5 && part == 0) break;
        text.append(text.empty() ? "" : ":").append(part < 10 ? "0" : "");
        text += std::to_string(part);
    }
    return text;
}

/// With an example that is one: from 14:00 to 20:00 of a day of 24 hours.
std::string no_part_of(const std::string& text, Milliseconds day) {
    std::string why = "\"" + text + "\" is no part of a day: write it as ";
    why += time_of_day(day * 7 / 12) + "-" + time_of_day(day * 10 / 12);
    why += ", times since the begin of a day (hours:minutes or hours:minutes:seconds), which has ";
    return why + grouped(static_cast<std::uint64_t>(day.count() / 1000)) + " s here";
}

/// Both within one day, in whichever order.
Expected<DayPart, std::string> times_of_day_from(const std::string& text, Milliseconds day) {
    const auto time_from = [](std::string_view word) -> std::optional<Milliseconds> {
        std::int64_t total = 0;
        int parts = 0;
        for (; parts < 3 && !word.empty(); ++parts) {
            std::uint32_t value{};
            const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
            const auto length = static_cast<std::size_t>(read.ptr - word.data());
            if (read.ec != std::errc{} || length > 3 || (parts > 0 && (length != 2 || value > 59)))
                return std::nullopt;
            total = total * 60 + value;
            word.remove_prefix(length);
            if (word.empty()) continue;
            if (word.size() < 2 || word.front() != ':') return std::nullopt;
            word.remove_prefix(1);
        }
        if (!word.empty() || parts < 2) return std::nullopt;
        return Milliseconds{(parts == 2 ? total * 60 : total) * 1000};
    };
    const std::size_t dash = text.find('-');
    if (dash == std::string::npos) return tl::unexpected{no_part_of(text, day)};
    const auto begin = time_from(std::string_view{text}.substr(0, dash));
    const auto end = time_from(std::string_view{text}.substr(dash + 1));
    if (!begin || !end || *begin >= day || *end > day) return tl::unexpected{no_part_of(text, day)};
    return DayPart{*begin, *end};
}

}  // namespace

Expected<DayPart, std::string> day_part_from(const std::string& text, Milliseconds day) {
    return days_part_from(text, day, 1);
}

Expected<DayPart, std::string> days_part_from(const std::string& text, Milliseconds day,
                                              std::int64_t days) {
    require(days >= 1, "a downtime has a day");
    auto part = times_of_day_from(text, day);
    if (!part) return part;
    if (days == 1 && part->end == part->begin) return tl::unexpected{no_part_of(text, day)};
    if (days == 1 && part->end < part->begin) days = 2;
    part->end += (days - 1) * day;
    return part;
}

std::int64_t days_met(const DayPart& part, Milliseconds day) {
    return (part.end - Milliseconds{1}) / day + 1;
}

}  // namespace vigil::verifier
