#include "verifier/demo/report.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "core/work/estimate.hpp"

namespace vigil::verifier::demo {
namespace {

struct DeviceDay {
    DeviceRef device;
    std::optional<DayRecord> record;
    std::vector<WindowRecord> windows;
    std::vector<CheckRow> checks;
};

std::vector<DeviceRef> devices_of(Reader& reader, const std::string& node_name) {
    std::vector<DeviceRef> found;
    for (const NodeRecord& node : reader.nodes())
        if (node.name == node_name)
            for (const DeviceRecord& device : reader.devices_of(node.ref))
                found.push_back(device.ref);
    return found;
}

DeviceDay read_day(Reader& reader, const Calendar& calendar, DeviceRef device, DayIndex day) {
    DeviceDay result{
        .device = device, .record = reader.day(device, day), .windows = {}, .checks = {}};
    const WindowIndex first = calendar.first_window(day);
    for (WindowRecord& window :
         reader.windows(device, {.before = first.value + calendar.windows_per_day(),
                                .limit = calendar.windows_per_day()}))
        if (window.window >= first) result.windows.push_back(std::move(window));
    std::reverse(result.windows.begin(), result.windows.end());
    for (const WindowRecord& window : result.windows)
        for (CheckRow& check : reader.checks_in(device, window.window))
            if (check.verdict.claim.kind != CheckKind::calibration)
                result.checks.push_back(std::move(check));
    return result;
}

std::string_view cell(WindowOutcome outcome) {
    switch (outcome) {
        case WindowOutcome::complete:
            return "✓";
        case WindowOutcome::incomplete:
            return "✗";
        case WindowOutcome::voided:
            return "○";
        case WindowOutcome::maintenance:
            return "m";
        case WindowOutcome::busy:
            return "b";
        case WindowOutcome::unenrolled:
            return "·";
    }
    return "?";
}

std::string cells(const DeviceDay& day) {
    std::string text;
    for (const WindowRecord& window : day.windows) text += cell(window.outcome);
    return text;
}

/// The day's rate with its 95 % interval, pooled over the roll calls that count (protocol 5.8).
std::string rate_text(const DeviceDay& day) {
    std::uint32_t k{};
    std::uint64_t work{};
    for (const CheckRow& check : day.checks)
        if (check.verdict.claim.kind == CheckKind::roll_call &&
            check.final_verdict() == Verdict::passed) {
            k += check.verdict.k;
            work += check.verdict.judgement.work;
        }
    if (!day.record || day.record->rate == 0 || work == 0) return "–";
    const Interval interval = work_interval(k, work);
    const double half_width = (interval.upper - interval.lower) / 2 / static_cast<double>(work);
    const double rate = static_cast<double>(day.record->rate);
    return rate >= 1e6   ? fmt::format("{:.2f} ± {:.2f} MH/s", rate / 1e6, rate / 1e6 * half_width)
           : rate >= 1e3 ? fmt::format("{:.1f} ± {:.1f} kH/s", rate / 1e3, rate / 1e3 * half_width)
                         : fmt::format("{:.0f} ± {:.0f} H/s", rate, rate * half_width);
}

bool lost(const WindowRecord& window) {
    return window.outcome == WindowOutcome::incomplete || window.outcome == WindowOutcome::voided;
}

/// The first check of a window that did not pass, with the numbers that were compared.
std::string first_failure(const DeviceDay& day, WindowIndex window) {
    for (const CheckRow& check : day.checks) {
        const Verdict verdict = check.final_verdict();
        if (check.verdict.claim.window != window || verdict == Verdict::passed) continue;
        return fmt::format(" ({} {}: {})", to_string(check.verdict.claim.kind), to_string(verdict),
                           check.voided ? *check.voided : check.verdict.judgement.reason);
    }
    return {};
}

/// The first thing that cost the device something, else what made the day.
std::string why(const DeviceDay& day) {
    if (!day.record) return "not settled";
    std::string text = fmt::format("{} windows count", day.record->counted);
    const auto first_lost = std::find_if(day.windows.begin(), day.windows.end(), lost);
    if (first_lost != day.windows.end())
        text = fmt::format("window {}: {}{}", first_lost - day.windows.begin() + 1,
                           first_lost->reason, first_failure(day, first_lost->window));
    if (day.record->grace_used) text += "; a grace day was used";
    if (day.record->tier != 0)
        text += fmt::format("; down day {} in a row", day.record->after.down_run);
    return text;
}

std::uint64_t count(const DeviceDay& day, Verdict verdict) {
    return static_cast<std::uint64_t>(
        std::count_if(day.checks.begin(), day.checks.end(),
                      [&](const auto& check) { return check.final_verdict() == verdict; }));
}

/// Before a device has a baseline any answer passes (protocol 5.6), so that a window which began
/// before its first calibration was received shows nothing.
bool had_baseline(const DeviceDay& day, WindowIndex window) {
    return std::any_of(day.checks.begin(), day.checks.end(), [&](const CheckRow& check) {
        const CheckClaim& claim = check.verdict.claim;
        return claim.window == window && claim.kind != CheckKind::calibration &&
               check.verdict.judgement.baseline > 0;
    });
}

void expect_of(const Actor& actor, const std::vector<DeviceDay>& days,
               std::vector<std::string>& unmet) {
    std::uint64_t checks{}, passed{}, below_rate{}, missed{}, complete{}, incomplete{}, down{};
    bool paid_for_absence = false;
    for (const DeviceDay& day : days) {
        checks += day.checks.size();
        passed += count(day, Verdict::passed);
        below_rate += count(day, Verdict::below_rate);
        missed += count(day, Verdict::missed);
        for (const WindowRecord& window : day.windows) {
            complete +=
                window.outcome == WindowOutcome::complete && had_baseline(day, window.window);
            incomplete += window.outcome == WindowOutcome::incomplete;
        }
        if (!day.record) continue;
        down += day.record->outcome == DayOutcome::down;
        paid_for_absence |= day.record->grace_used || day.record->slashed > Micro{};
    }
    const auto expect = [&](bool holds, const std::string& what) {
        if (!holds) unmet.push_back(actor.name + ": " + what);
    };
    switch (actor.part) {
        case Part::honest:
            expect(checks > 0 && passed * 100 >= checks * 90,
                   fmt::format("honest, but only {} of {} checks passed (at least 90 % expected)",
                               passed, checks));
            expect(down == 0, fmt::format("honest, but {} days were down", down));
            break;
        case Part::lazy:
            expect(below_rate > 0, "answered without working, but no check is below_rate");
            expect(complete == 0,
                   fmt::format("answered without working, but {} windows are complete", complete));
            break;
        case Part::replayer:
            expect(passed == 0,
                   fmt::format("sent another's answers, but {} checks passed", passed));
            break;
        case Part::flaky:
            expect(days.size() < 2 || incomplete > 0, "was away, but lost no window");
            expect(days.size() < 2 || missed > 0, "was away, but missed no check");
            expect(days.size() < 2 || paid_for_absence,
                   "was away for a day, but neither slashed nor graced");
            break;
    }
}

std::vector<DeviceDay> days_of(Reader& reader, const Calendar& calendar, DeviceRef device,
                               CountedDays days) {
    std::vector<DeviceDay> result;
    for (std::int64_t d = 0; d < days.count; ++d)
        result.push_back(read_day(reader, calendar, device, days.first + d));
    return result;
}

/// Columns are counted in characters, not bytes: the cells are not ASCII.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows)
        for (std::size_t column = 0; column < row.size(); ++column) {
            if (widths.size() <= column) widths.push_back(0);
            widths[column] = std::max(widths[column], width(row[column]));
        }
    std::string text;
    for (const auto& row : rows) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            text += row[column];
            if (column + 1 < row.size()) text.append(widths[column] - width(row[column]) + 2, ' ');
        }
        text += '\n';
    }
    return text;
}

std::vector<std::string> row_of(const DeviceDay& day, const std::string& name, std::size_t number) {
    const auto& record = day.record;
    return {name,
            std::to_string(number),
            cells(day),
            record ? fmt::format("{:.3f}", record->multiplier.value / 1e6) : "–",
            rate_text(day),
            record ? to_credits(record->credit) : "–",
            record ? std::to_string(record->after.grace_left) : "–",
            record ? to_credits(record->slashed) : "–",
            why(day)};
}

}  // namespace

std::string day_table(Reader& reader, const Calendar& calendar, const std::vector<Actor>& actors,
                      CountedDays days) {
    std::vector<std::vector<std::string>> rows{{"device", "day", "windows", "multiplier",
                                                "rate ± 95 %", "credit", "grace", "slash", "why"}};
    for (const Actor& actor : actors)
        for (const DeviceRef device : devices_of(reader, actor.name)) {
            const auto device_days = days_of(reader, calendar, device, days);
            for (std::size_t d = 0; d < device_days.size(); ++d)
                rows.push_back(row_of(device_days[d], d == 0 ? actor.name : "", d + 1));
        }
    return aligned(rows);
}

std::vector<std::string> unmet_expectations(Reader& reader, const Calendar& calendar,
                                            const std::vector<Actor>& actors, CountedDays days,
                                            std::uint64_t refused) {
    std::vector<std::string> unmet;
    bool replayed = false;
    for (const Actor& actor : actors) {
        const auto devices = devices_of(reader, actor.name);
        if (devices.empty()) unmet.push_back(actor.name + ": never enrolled");
        for (const DeviceRef device : devices)
            expect_of(actor, days_of(reader, calendar, device, days), unmet);
        replayed |= actor.part == Part::replayer;
    }
    if (replayed && refused == 0) unmet.push_back("the replayed answers were not refused");
    return unmet;
}

}  // namespace vigil::verifier::demo
