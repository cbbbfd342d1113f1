#include <fmt/format.h>
#include <map>

#include "core/base/readable.hpp"
#include "verifier/web/parts.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::int64_t days_of_a_page = 20;

/// A day with what the record holds of it.
struct LogDay {
    DayIndex day;
    std::optional<SettledDay> settled;
    std::optional<DayKeyRecord> key;
    std::int64_t windows{};  ///< closed
    std::optional<Instant> last_closed;
};

std::vector<LogDay> read_days(const Site& site, DayIndex first, DayIndex last) {
    const Calendar calendar = site.schedule.calendar();
    std::vector<LogDay> days;
    site.store.read([&](Reader& reader) {
        days.clear();
        for (DayIndex day = first; day <= last; ++day)
            days.push_back({.day = day,
                            .settled = reader.settled_day(day),
                            .key = {},
                            .windows = 0,
                            .last_closed = {}});
        for (DayKeyRecord& key : reader.day_keys(first, std::ssize(days)))
            if (key.day <= last)
                days[static_cast<std::size_t>(key.day.value - first.value)].key = std::move(key);
        const std::int64_t most = std::ssize(days) * calendar.windows_per_day();
        for (const ClosedWindow& window :
             reader.closed_windows(calendar.first_window(first), most)) {
            const DayIndex day = calendar.day_of(window.window);
            if (day > last) break;
            LogDay& one = days[static_cast<std::size_t>(day.value - first.value)];
            ++one.windows;
            one.last_closed = window.closed;
        }
    });
    return days;
}

Html hash(const Html& name, ByteSpan bytes) {
    return element("div", {{"class", "entry"}},
                   {element("dt", {name}),
                    element("dd", {element("code", {{"class", "hash"}}, {to_hex(bytes)})})});
}
Html entry(const Html& name, const Html& value) {
    return element("div", {{"class", "entry"}}, {element("dt", {name}), element("dd", {value})});
}

Html day_entry(const Site& site, const LogDay& day, DayIndex today) {
    const Calendar calendar = site.schedule.calendar();
    Html entries;
    if (day.key) {
        entries += hash("Commit", day.key->commit);
        entries += day.key->revealed
                       ? hash("Key", day.key->key)
                       : entry("Key", "secret until the day is settled: it says when checks come");
    } else {
        entries += entry("Commit", "none: the verifier was down, so the day has no checks");
    }
    Html windows = fmt::format("{} of {} closed", day.windows, calendar.windows_per_day());
    if (day.last_closed) {
        windows += ", the last at ";
        windows += time_html(*day.last_closed);
    }
    entries += entry("Windows", windows);
    if (day.settled) {
        Html settled = fmt::format("{} devices at ",
                                   grouped(static_cast<std::uint64_t>(day.settled->devices)));
        settled += time_html(day.settled->settled);
        entries += entry("Settled", settled);
        entries += hash("state_hash", day.settled->state_hash);
    } else {
        entries += entry("Settled", day.day < today ? "not yet" : "after its last window");
    }
    Html title = fmt::format("Day {} · ", day.day.value);
    title += time_html(calendar.span(day.day).begin);
    if (day.day == today) title += " · today";
    return element("section", {{"id", fmt::format("day-{}", day.day.value)}, {"data-part", ""}},
                   {element("h2", {title}), element("dl", {{"class", "entries"}}, {entries})});
}

}  // namespace

Page log_page(const Site& site, const Question& question) {
    const Calendar calendar = site.schedule.calendar();
    const DayIndex today = calendar.day_at(question.now);
    const DayIndex founded = calendar.day_at(site.schedule.genesis().founded);
    const auto wanted = question.query.number("day", founded.value, today.value);
    if (!wanted) return bad_question(wanted.error());
    const DayIndex last{wanted->value_or(today.value)};
    const DayIndex first{std::max(founded.value, last.value - days_of_a_page + 1)};

    const auto days = read_days(site, first, last);
    Html main = element("h1", {"Log"});
    main +=
        element("p", {{"class", "lead"}},
                {"What was written down and is never changed: each day's commit, published before "
                 "the day; its key, published after it, from which anybody computes when checks "
                 "had to come; and the ",
                 element("code", {"state_hash"}),
                 " over every balance. Two readers who see different hashes for a day have been "
                 "told different things. ",
                 element("code", {"vigil-verifier audit"}),
                 " computes all of it again. The Merkle tree over the entries is not built yet."});
    main += element("section",
                    {facts({fact("Network", site.schedule.genesis().network_name),
                            fact("Founded", time_html(site.schedule.genesis().founded)),
                            fact("Network id", element("code", {{"class", "hash"}},
                                                       {to_hex(site.schedule.network())})),
                            fact("Policies", link("/policy#all", "all, with their hashes"))})});
    for (auto day = days.rbegin(); day != days.rend(); ++day) main += day_entry(site, *day, today);
    Html ways;
    if (last < today)
        ways += link(fmt::format("/log?day={}", std::min(today.value, last.value + days_of_a_page)),
                     "← Later");
    ways += " ";
    if (first > founded) ways += link(fmt::format("/log?day={}", first.value - 1), "Earlier →");
    main += element("nav", {{"class", "pages"}, {"aria-label", "Pages of the log"}}, {ways});
    return {.title = "Log", .main = main, .path = "/log"};
}

}  // namespace vigil::verifier::web
