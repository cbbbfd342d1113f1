#include "verifier/explain.hpp"

#include <algorithm>

#include "core/base/readable.hpp"
#include "core/uptime/window.hpp"
#include "verifier/day_words.hpp"

namespace vigil::verifier {
namespace {

std::string number(std::uint64_t value) { return grouped(value); }

std::string check_line(const CheckRow& row) {
    const VerdictRecord& verdict = row.verdict;
    std::string line =
        "    " + time_of_day(verdict.start) + " " + std::string{to_string(verdict.claim.kind)} +
        ": " + std::string{to_string(verdict.judgement.verdict)} + " - " + verdict.judgement.reason;
    if (row.voided) line += "; void: " + *row.voided;
    return line;
}

std::string why_without_record(const DayFile& file, const Span& window) {
    const auto why_not = why_not_counted(file, window);
    return why_not ? *why_not + ": does not count" : "not closed yet";
}

void explain_windows(const DayFile& file, std::vector<std::string>& lines) {
    const Calendar calendar{file.policy};
    const WindowIndex first = calendar.first_window(file.day);
    for (std::int64_t i = 0; i < calendar.windows_per_day(); ++i) {
        const WindowIndex window = first + i;
        const Span span = calendar.span(window);
        const auto record = std::find_if(file.windows.begin(), file.windows.end(),
                                         [&](const WindowRecord& w) { return w.window == window; });
        lines.push_back("  window " + std::to_string(i + 1) + " of " +
                        std::to_string(calendar.windows_per_day()) + ", " +
                        time_of_day(span.begin) + " to " + time_of_day(span.end) + ": " +
                        (record == file.windows.end()
                             ? why_without_record(file, span)
                             : std::string{to_string(record->outcome)} + " - " + record->reason));
        for (const CheckRow& row : file.checks)
            if (row.verdict.claim.window == window) lines.push_back(check_line(row));
    }
}

void explain_rate(const DayFile& file, std::vector<std::string>& lines) {
    std::string sum;
    std::uint32_t complete = 0;
    for (const WindowRecord& window : file.windows) {
        if (window.outcome != WindowOutcome::complete) continue;
        if (complete++ > 0) sum += " + ";
        sum += number(window.roll_call_rate);
    }
    if (complete == 0) return;
    lines.push_back("day rate: (" + sum + ") / " + std::to_string(complete) + " = " +
                    number(file.settled->rate) +
                    " H/s, the mean of the complete windows' roll calls");
}

void explain_credit(const DayFile& file, std::vector<std::string>& lines) {
    const DayRecord& day = *file.settled;
    lines.push_back("multiplier: N = " + number(day.counted) +
                    " windows complete or void, so the factor is " + factor(day.multiplier));
    if (day.outcome != DayOutcome::up) return;
    explain_rate(file, lines);
    const DayIndex start = file.genesis.programme_start_day;
    const Micro base = base_on(file.policy, file.day, start);
    std::string base_line = "base: " + credits(base) + " per MH/s and day";
    if (base != file.policy.base_per_mhs)
        base_line += ", from " + credits(file.policy.base_per_mhs) + " at " +
                     percent(file.policy.decay) + " for each of " +
                     std::to_string((file.day.value - start.value) / file.policy.decay_days) +
                     " full periods of " + number(file.policy.decay_days) + " days";
    lines.push_back(std::move(base_line));
    lines.push_back("credit: " + number(day.rate) + " H/s * " + credits(base) + " per MH/s * " +
                    factor(day.multiplier) + " = " + credits(day.credit) +
                    (file.policy.daily_cap && day.credit == *file.policy.daily_cap
                         ? ", the most a day pays"
                         : ""));
}

void explain_standing(const DayFile& file, std::vector<std::string>& lines) {
    const DayRecord& day = *file.settled;
    const Standing before = file.before ? file.before->after : Standing{};
    if (day.grace_used)
        lines.push_back("grace: day " + number(day.after.down_run) +
                        " of a run of down days; one of " + number(before.grace_left) +
                        " grace days is used and nothing is slashed");
    if (day.tier > 0) {
        const auto tier =
            std::find_if(file.policy.slash_tiers.begin(), file.policy.slash_tiers.end(),
                         [&](const SlashTier& t) { return t.first_day == day.tier; });
        const std::string share =
            tier == file.policy.slash_tiers.end() ? std::string{"a share"} : percent(tier->share);
        lines.push_back("slash: day " + number(day.after.down_run) +
                        " of a run of down days without grace; from day " + number(day.tier) +
                        " of a run it is " + share + " of " + credits(before.balance) + " = " +
                        credits(day.slashed));
    }
    lines.push_back("balance: " + credits(before.balance) + " -> " + credits(day.after.balance));
    lines.push_back("standing: " + number(day.after.service_days) + " of " +
                    number(file.policy.grace_every_days) + " service days towards grace, " +
                    number(day.after.grace_left) + " grace days in hand, " +
                    number(day.after.down_run) + " down days in a row, baseline " +
                    number(day.baseline) + " H/s");
}

}  // namespace

DayFile read_day_file(Reader& reader, const Policy& policy, const DeviceRecord& device,
                      DayIndex day) {
    const Calendar calendar{policy};
    const WindowIndex first = calendar.first_window(day), end = calendar.first_window(day + 1);
    DayFile file{.genesis = reader.genesis().value_or(Genesis{}),
                 .policy = policy,
                 .device = device,
                 .day = day,
                 .windows = reader.windows(
                     device.ref, {.before = end.value, .limit = calendar.windows_per_day()}),
                 .checks = {},
                 .before = std::nullopt,
                 .settled = reader.day(device.ref, day)};
    std::erase_if(file.windows, [&](const WindowRecord& w) { return w.window < first; });
    std::reverse(file.windows.begin(), file.windows.end());
    for (WindowIndex window = first; window < end; ++window)
        for (CheckRow& row : reader.checks_in(device.ref, window))
            file.checks.push_back(std::move(row));
    std::stable_sort(
        file.checks.begin(), file.checks.end(),
        [](const CheckRow& a, const CheckRow& b) { return a.verdict.start < b.verdict.start; });
    const auto earlier = reader.days(device.ref, {.before = day.value, .limit = 1});
    if (!earlier.empty()) file.before = earlier.front();
    return file;
}

std::optional<std::string> why_not_counted(const DayFile& file, const Span& window) {
    const DeviceRecord& device = file.device;
    std::optional<Instant> retired;
    if (device.retired_from) retired = Calendar{file.policy}.span(*device.retired_from).begin;
    if (enrolled_through(window, device.active_from, retired)) return std::nullopt;
    if (window.end <= file.genesis.founded) return "before the network was founded";
    if (device.active_from <= window.begin) return "this device is retired by then";
    const char* const again = device.active_from > device.enrolled ? " again" : "";
    return (window.end <= device.active_from ? std::string{"before this device was enrolled"}
                                             : std::string{"this device was enrolled in it"})
        .append(again);
}

std::vector<std::string> explain(const DayFile& file) {
    const Span span = Calendar{file.policy}.span(file.day);
    std::vector<std::string> lines{"device " + to_hex(file.device.id) + ", day " +
                                   std::to_string(file.day.value) + ": " + date(span.begin) + " " +
                                   time_of_day(span.begin) + " to " + date(span.end) + " " +
                                   time_of_day(span.end) + " UTC, policy " + file.policy.name};
    explain_windows(file, lines);
    if (!file.settled) {
        lines.push_back("the day is not settled yet");
        return lines;
    }
    lines.push_back("day: " + std::string{to_string(file.settled->outcome)} + " - " +
                    file.settled->reason);
    if (file.settled->outcome != DayOutcome::excused) explain_credit(file, lines);
    explain_standing(file, lines);
    return lines;
}

}  // namespace vigil::verifier
