#include "node/console_lines.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "node/limit_keeper.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

std::string cut(const std::string& text, std::size_t width) {
    if (columns(text) <= width || width == 0) return text;
    std::size_t taken = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
        if (begins && taken == width - 1) break;
        taken += begins ? 1 : 0;
        ++at;
    }
    return text.substr(0, at) + "…";
}

std::string marks(const std::vector<WindowMark>& windows) {
    std::string text;
    for (const WindowMark mark : windows) {
        switch (mark) {
            case WindowMark::open:
                text += " ·";
                break;
            case WindowMark::passed:
                text += " ✓";
                break;
            case WindowMark::failed:
                text += " ✗";
                break;
            case WindowMark::voided:
                text += " –";
                break;
        }
    }
    return text;
}

std::string windows_words(const DeviceStatus& device) {
    if (device.windows.empty()) return "windows –";
    const auto passed =
        std::count(device.windows.begin(), device.windows.end(), WindowMark::passed);
    return fmt::format("windows {}/{}{}", passed, device.windows.size(), marks(device.windows));
}

/// "61 °C 210 W"; empty where neither is read.
std::string sensor_words(const health::Reading& r) {
    std::string words;
    if (r.temperature_celsius) words = fmt::format("{} °C", *r.temperature_celsius);
    if (r.power_milliwatts)
        words +=
            fmt::format("{}{} W", words.empty() ? "" : " ", (*r.power_milliwatts + 500) / 1000);
    return words;
}

/// The windows on one line: those to come are an ellipsis.
std::string windows_short(const DeviceStatus& device) {
    std::vector<WindowMark> known = device.windows;
    while (!known.empty() && known.back() == WindowMark::open) known.pop_back();
    const auto passed = std::count(known.begin(), known.end(), WindowMark::passed);
    if (device.windows.empty()) return "windows –";
    return fmt::format("windows {}/{}{}{}", passed, device.windows.size(), marks(known),
                       known.size() < device.windows.size() ? " …" : "");
}

/// "4.61 GH/s (10s) 4.60 (15m)"; before the first check, what was measured at the start.
std::string rates_short(const DeviceStatus& d, bool long_one) {
    if (d.rate_10s <= 0)
        return d.hashes_per_second > 0 ? rate_words(d.hashes_per_second) : "no rate yet";
    const std::string now = rate_words(d.rate_10s);
    std::string mean = rate_words(d.rate_15m);
    if (!long_one) return now;
    const std::string unit = now.substr(now.find(' '));
    if (mean.ends_with(unit)) mean.resize(mean.size() - unit.size());
    return fmt::format("{} (10s) {} (15m)", now, mean);
}

/// How much of a device's line is shown, ascending.
enum class Detail : std::uint8_t { least, with_health, with_mean, all };

std::string device_line(const DeviceStatus& d, const std::string& next_check, Detail detail) {
    std::string text = d.label;
    const auto add = [&text](const char* before, const std::string& more) {
        text.append(before).append(more);
    };
    if (detail >= Detail::all && !d.description.name.empty())
        add(" ", edge::for_log(d.description.name, 40));
    add(" ", rates_short(d, detail >= Detail::with_mean));
    add(" · ", windows_short(d));
    if (const std::string state = state_words(d); state != "idle")
        add(" · ", edge::for_log(state, 160));
    if (d.retires_from && !d.retired) add(" · ", retirement_words(d));
    if (!next_check.empty() && !d.retired) add(" · next check by ", next_check);
    const std::string health = sensor_words(d.health.reading);
    if (detail >= Detail::with_health && !health.empty()) add(" · ", health);
    return text;
}

std::string device_words(const DeviceDescription& d) {
    std::string text = fmt::format("{} ({}", edge::for_log(d.name, 60), to_string(d.backend));
    if (!d.kernel.empty()) text += " " + d.kernel;
    if (d.compute_units > 0)
        text += fmt::format(", {} {}", d.compute_units,
                            d.backend == Backend::cpu ? "threads" : "units");
    return text + ")";
}

/// Of the table, where the reasons of a pause have lines of their own.
std::string state_cell(const DeviceStatus& d) {
    std::string state =
        d.paused.empty() || d.retired ? edge::for_log(state_words(d), 120) : "paused";
    if (d.retired)
        state = retirement_words(d);
    else if (d.retires_from)
        state += ", " + retirement_words(d);
    if (d.mismatches == 0) return state;
    return fmt::format("{}, {} wrong hashes (E-DEVICE)", state, d.mismatches);
}

std::string last_verdict_words(const DeviceStatus& d, Instant now) {
    if (!d.last_verdict) return "none yet";
    return verdict_line("", *d.last_verdict, std::nullopt).substr(1) + ", " +
           time_words(now - d.last_verdict_at) + " ago";
}

/// What a pause costs so far: "12 min, 2 checks missed".
std::string pause_words(const DeviceStatus& d, Instant now) {
    if (d.paused.empty()) return "";
    return fmt::format("{} paused for {}, {} {} missed: {}; {}\n", d.label,
                       time_words(now - d.paused_since), d.missed_while_paused,
                       d.missed_while_paused == 1 ? "check" : "checks", d.paused, pause_costs(d));
}

std::vector<std::string> workload_row(const WorkloadStatus& w, Instant now) {
    std::string state{to_string(w.state.is)};
    if (!w.state.why.empty()) state += ": " + edge::for_log(w.state.why, 120);
    return {w.name, w.way, state, time_words(now - w.state.since), w.pauses ? "pause" : "report"};
}

/// "connected for 4 s", "not connected: E-…"; `since` empty leaves the time out.
std::string connection_words(const NodeStatus& s, const std::string& since) {
    if (s.connected) return (s.polling ? "connected by polling" : "connected") + since;
    return s.trouble.empty() ? "connecting" : "not connected" + since + ": " + s.trouble;
}

}  // namespace

std::size_t columns(std::string_view text) {
    // Bytes that begin a UTF-8 sequence.
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

std::string_view check_words(CheckKind kind) {
    switch (kind) {
        case CheckKind::roll_call:
            return "roll call";
        case CheckKind::hourly:
            return "hourly check";
        case CheckKind::spot:
            return "spot check";
        case CheckKind::calibration:
            return "calibration";
        case CheckKind::probe:
            return "probe";
    }
    return "check";
}

std::string a_check(CheckKind kind) {
    return (kind == CheckKind::hourly ? "an " : "a ") + std::string{check_words(kind)};
}

std::string rate_words(double rate) {
    constexpr std::array<std::pair<double, const char*>, 4> units{
        {{1e12, "TH/s"}, {1e9, "GH/s"}, {1e6, "MH/s"}, {1e3, "kH/s"}}};
    for (const auto& [size, unit] : units)
        if (rate >= size) return fmt::format("{:.2f} {}", rate / size, unit);
    return fmt::format("{:.0f} H/s", rate);
}

std::string time_words(Milliseconds time) {
    const std::int64_t s = std::max<std::int64_t>(0, time.count()) / 1000;
    if (s < 60) return fmt::format("{} s", s);
    if (s < 3600) return fmt::format("{} min", s / 60);
    if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
    return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

std::string verdict_line(std::string_view label, const JudgedCheck& judged,
                         const std::optional<WindowPlace>& place) {
    std::string verdict{to_string(judged.verdict)};
    std::replace(verdict.begin(), verdict.end(), '_', ' ');
    std::string line = fmt::format("{} {} {}", label, check_words(judged.kind), verdict);
    if (judged.rate > 0) line += ": " + rate_words(static_cast<double>(judged.rate));
    if (judged.rate > 0 && judged.baseline > 0)
        line += fmt::format(" (baseline {})", rate_words(static_cast<double>(judged.baseline)));
    if (place) line += fmt::format(", window {} of {}", place->number, place->of);
    if (judged.verdict != Verdict::passed && !judged.reason.empty())
        line += ": " + edge::for_log(judged.reason, 300);
    return line;
}

std::string banner(const NodeStatus& s, const std::vector<std::string>& notes) {
    std::string text = fmt::format("vigil-node {}\n", s.version);
    const auto line = [&](std::string_view label, const std::string& value) {
        text += fmt::format("  {:<9} {}\n", label, value);
    };
    line("verifier", s.verifier);
    line("network",
         s.network.empty() ? "known after the first connection" : edge::for_log(s.network, 64));
    line("node", to_hex(s.node));
    line("payout", s.payout);
    for (const DeviceStatus& d : s.devices) {
        std::string value = device_words(d.description);
        if (d.hashes_per_second > 0) value += "  " + rate_words(d.hashes_per_second);
        line(d.label, value);
    }
    for (const std::string& note : notes) line("note", note);
    return text;
}

std::string clock_words(Instant time, std::chrono::seconds utc_offset, bool seconds) {
    const auto local = time + utc_offset;
    const std::chrono::hh_mm_ss clock{local - std::chrono::floor<std::chrono::days>(local)};
    std::string text = fmt::format("{:02}:{:02}", clock.hours().count(), clock.minutes().count());
    return seconds ? text + fmt::format(":{:02}", clock.seconds().count()) : text;
}

std::string date_words(Instant time) {
    const auto midnight = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{midnight};
    return fmt::format("{:04}-{:02}-{:02} {} UTC", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock_words(time, std::chrono::seconds{0},
                                   (time - midnight) % std::chrono::minutes{1} != Milliseconds{}));
}

std::vector<std::string> live_lines(const NodeStatus& s, Instant now, const LineStyle& style) {
    std::vector<std::string> lines;
    if (!s.connected || s.unsent > 0) {
        lines.push_back(connection_words(s, ""));
        if (s.unsent > 0)
            lines.back() += fmt::format(", {} {} without a receipt", s.unsent,
                                        s.unsent == 1 ? "answer" : "answers");
    }
    std::string next_check;
    if (const auto by = next_check_by(s, now))
        next_check = clock_words(*by, style.utc_offset, s.slot_length < std::chrono::minutes{10});
    for (const DeviceStatus& d : s.devices) {
        std::string line;
        for (const Detail detail :
             {Detail::all, Detail::with_mean, Detail::with_health, Detail::least}) {
            line = device_line(d, next_check, detail);
            if (columns(line) <= style.width) break;
        }
        lines.push_back(std::move(line));
    }
    const std::size_t most = std::max<std::size_t>(style.most, 1);
    if (lines.size() > most) {
        const std::size_t more = lines.size() - most + 1;
        lines.resize(most);
        lines.back() = fmt::format("and {} more: the key s shows all", more);
    }
    for (std::string& line : lines) {
        line = cut(line, style.width);
        if (style.colour)
            line = fmt::format("{}{}\x1b[0m", s.connected ? "\x1b[32m" : "\x1b[33m", line);
    }
    return lines;
}

std::string rate_table(const NodeStatus& s) {
    const auto words = [](double rate) { return rate > 0 ? rate_words(rate) : std::string{"–"}; };
    std::vector<std::vector<std::string>> rows{
        {"device", "latest", "10 s", "15 min", "verified", "baseline", "hashes"}};
    for (const DeviceStatus& d : s.devices) {
        const auto verdict = d.last_verdict.value_or(JudgedCheck{});
        rows.push_back({d.label, words(d.hashes_per_second), words(d.rate_10s), words(d.rate_15m),
                        words(static_cast<double>(verdict.rate)),
                        words(static_cast<double>(verdict.baseline)), grouped(d.hashes_total)});
    }
    return aligned(rows);
}

std::string window_table(const NodeStatus& s, Instant now) {
    std::vector<std::vector<std::string>> rows{{"device", "windows today", "last verdict"}};
    for (const DeviceStatus& d : s.devices)
        rows.push_back({d.label, windows_words(d).substr(8), last_verdict_words(d, now)});
    return aligned(rows);
}

std::string aligned(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) {
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], columns(row[i]));
        }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - columns(row[i]) + 2, ' ');
        }
        text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string status_table(const NodeStatus& s, Instant now) {
    std::string text =
        fmt::format("vigil-node {}, running for {}\n", s.version, time_words(now - s.started));
    text += fmt::format("  verifier  {}, {}\n", s.verifier,
                        connection_words(s, " for " + time_words(now - s.connection_changed)));
    if (s.round_trip) text += fmt::format("  round trip {} ms\n", s.round_trip->count());
    if (s.advice.outdated) text += fmt::format("  update    {}\n", s.advice.words(s.version));
    text +=
        fmt::format("  node      {}\n  payout    {}\n  receipts  {}, answers without one {}\n\n",
                    to_hex(s.node), s.payout, s.receipts, s.unsent);
    std::vector<std::vector<std::string>> rows{
        {"device", "id", "rate", "state", "health", "windows today", "last verdict"}};
    for (const DeviceStatus& d : s.devices) {
        rows.push_back({d.label, to_hex(d.id).substr(0, 12), rate_words(d.hashes_per_second),
                        state_cell(d), health_words(d.health), windows_words(d).substr(8),
                        last_verdict_words(d, now)});
    }
    text += aligned(rows);
    for (const DeviceStatus& d : s.devices) text += pause_words(d, now);
    if (s.workloads.empty()) return text;
    rows = {{"workload", "looked at by", "state", "since", "on failure"}};
    for (const WorkloadStatus& w : s.workloads) rows.push_back(workload_row(w, now));
    return text + "\n" + aligned(rows);
}

std::string device_table(const std::vector<DeviceStatus>& devices) {
    std::vector<std::vector<std::string>> rows{
        {"device", "backend", "name", "kernel", "units", "driver", "uid"}};
    for (const DeviceStatus& d : devices)
        rows.push_back({d.label, std::string{to_string(d.description.backend)},
                        edge::for_log(d.description.name, 60), d.description.kernel,
                        std::to_string(d.description.compute_units),
                        edge::for_log(d.description.driver, 40),
                        edge::for_log(d.description.uid, 64)});
    return aligned(rows);
}

}  // namespace vigil::node
