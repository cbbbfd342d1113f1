#include "verifier/incident_notices.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace vigil::verifier {
namespace {

using edge::Notice;

/// A smaller network has no "most of it".
constexpr std::size_t few_devices = 4;

std::string time_words(Milliseconds time) {
    const std::int64_t minutes = std::max<std::int64_t>(0, time.count()) / 60'000;
    if (minutes < 60) return fmt::format("{} min", minutes);
    if (minutes < 48 * 60) return fmt::format("{} h {} min", minutes / 60, minutes % 60);
    return fmt::format("{} d {} h", minutes / 1440, minutes % 1440 / 60);
}

std::string devices_words(std::size_t count) {
    return fmt::format("{} device{}", count, count == 1 ? "" : "s");
}

/// "3fa9c1d2…: 3 windows missed since 2026-03-01 14:00 UTC (12 h 0 min); so far 1 day down, …".
std::string line_of(const DeviceIncident& one, Instant now) {
    return fmt::format(
        "{}: {} window{} missed in a row since {:%F %R} UTC{} ({}); so far {} down, {} grace used, "
        "{} credits slashed",
        to_hex(one.id).substr(0, 16), one.windows, one.windows == 1 ? "" : "s",
        std::chrono::floor<std::chrono::seconds>(one.since), one.or_longer ? " or longer" : "",
        time_words(now - one.since),
        fmt::format("{} day{}", one.down_days, one.down_days == 1 ? "" : "s"),
        fmt::format("{} day{}", one.grace_days, one.grace_days == 1 ? "" : "s"),
        to_credits(one.slashed));
}

void name_devices(Notice& notice, const std::vector<DeviceIncident>& named, std::size_t all,
                  Instant now) {
    std::string ids;
    for (const DeviceIncident& one : named) {
        notice.lines.push_back(line_of(one, now));
        ids.append(ids.empty() ? "" : ",").append(to_hex(one.id));
    }
    if (all > named.size()) notice.lines.push_back(fmt::format("and {} more", all - named.size()));
    notice.facts.emplace_back("devices", std::to_string(all));
    notice.facts.emplace_back("device_ids", ids);
}

void add_state(Notice& notice, const IncidentReport& report) {
    notice.lines.push_back(
        fmt::format("open now: {} of {}", report.open, devices_words(report.devices)));
    notice.facts.emplace_back("open", std::to_string(report.open));
    notice.facts.emplace_back("enrolled", std::to_string(report.devices));
    notice.facts.emplace_back("window", std::to_string(report.window.value));
}

Notice notice(Notice::Kind kind, const std::string& source, std::string title, Instant now) {
    return {.kind = kind,
            .source = source,
            .title = std::move(title),
            .lines = {},
            .facts = {},
            .at = now};
}

}  // namespace

std::vector<Notice> notices_of(const IncidentReport& report, const std::string& source,
                               Instant now) {
    std::vector<Notice> out;
    if (report.opened > 0) {
        Notice one = notice(Notice::Kind::opened, source,
                            fmt::format("{} {} windows", devices_words(report.opened),
                                        report.opened == 1 ? "misses" : "miss"),
                            now);
        if (report.devices >= few_devices && report.opened * 2 >= report.devices)
            one.lines.push_back(
                "most of the network at once: look first at this verifier, its network and its "
                "clock");
        name_devices(one, report.opened_named, report.opened, now);
        add_state(one, report);
        out.push_back(std::move(one));
    }
    if (report.recovered > 0) {
        Notice one = notice(Notice::Kind::recovered, source,
                            fmt::format("over: {} {} back", devices_words(report.recovered),
                                        report.recovered == 1 ? "is" : "are"),
                            now);
        name_devices(one, report.recovered_named, report.recovered, now);
        add_state(one, report);
        out.push_back(std::move(one));
    }
    return out;
}

std::optional<Notice> notice_going_on(const IncidentReport& latest, DayIndex settled,
                                      const std::string& source, Instant now) {
    if (latest.open == 0) return std::nullopt;
    Notice one =
        notice(Notice::Kind::going_on, source,
               fmt::format("{} still {} windows, day {} is settled", devices_words(latest.open),
                           latest.open == 1 ? "misses" : "miss", settled.value),
               now);
    name_devices(one, latest.open_named, latest.open, now);
    one.facts.emplace_back("day", std::to_string(settled.value));
    return one;
}

Notice notice_of_verifier(bool over, const std::string& why, Instant since,
                          const std::string& source, Instant now) {
    Notice one =
        notice(over ? Notice::Kind::recovered : Notice::Kind::opened, source,
               over ? "over: this verifier is ready again" : "this verifier is not ready", now);
    if (!why.empty()) one.lines.push_back(why);
    one.lines.push_back(fmt::format("{} {}", over ? "it lasted" : "for", time_words(now - since)));
    one.facts.emplace_back("seconds", std::to_string((now - since).count() / 1000));
    return one;
}

}  // namespace vigil::verifier
