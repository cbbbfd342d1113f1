#include "verifier/incidents.hpp"

#include <algorithm>

namespace vigil::verifier {
namespace {

constexpr std::int64_t days_counted = 100;

Sign sign_of(WindowOutcome outcome) {
    switch (outcome) {
        case WindowOutcome::complete:
            return Sign::good;
        case WindowOutcome::incomplete:
            return Sign::bad;
        case WindowOutcome::voided:
        case WindowOutcome::maintenance:
        case WindowOutcome::busy:
            return Sign::unknown;
        case WindowOutcome::unenrolled:
            return Sign::gone;
    }
    return Sign::unknown;
}

}  // namespace

DeviceIncidents::DeviceIncidents(Store& store, const Schedule& schedule, std::uint32_t open_after)
    : store_{store}, schedule_{schedule}, open_after_{open_after} {}

/// The windows of a bucket's devices from `from` to `to`.
void DeviceIncidents::fold(Reader& reader, std::uint8_t bucket, WindowIndex from, WindowIndex to,
                           Folding& folding) const {
    const Calendar calendar = schedule_.calendar();
    std::vector<DeviceRef> seen;  // in the last window
    for (DayIndex day = calendar.day_of(from); day <= calendar.day_of(to); day = day + 1)
        for (const WindowOfDay& row :
             reader.windows_of_day(bucket, day, calendar.windows_per_day())) {
            if (row.window < from || row.window > to) continue;
            const DeviceRef device{bucket, row.device};
            const auto found = folding.known.find(device);
            const Known before = found == folding.known.end() ? Known{} : found->second;
            const IncidentStep stepped = step(before.incident, sign_of(row.outcome),
                                              calendar.span(row.window).begin, open_after_);
            Known after{stepped.after, before.or_longer && stepped.after.bad > 0};
            if (row.window == folding.oldest && stepped.after.bad == 1) after.or_longer = true;
            if (stepped.news == IncidentStep::News::opened) {
                folding.opened[device] = after;
                folding.recovered.erase(device);
            }
            if (stepped.news == IncidentStep::News::recovered) {
                // What opened and ended between two looks is over before anybody could be told.
                folding.opened.erase(device);
                if (folding.told.contains(device)) folding.recovered[device] = before;
            }
            if (after.incident.bad == 0)
                folding.known.erase(device);
            else
                folding.known[device] = after;
            if (row.window == to && row.outcome != WindowOutcome::unenrolled)
                seen.push_back(device);
        }
    folding.devices += seen.size();
    // A device without a row is retired.
    std::ranges::sort(seen);
    std::erase_if(folding.known, [&](const auto& known) {
        return known.first.bucket == bucket && !std::ranges::binary_search(seen, known.first);
    });
    std::erase_if(folding.opened,
                  [&](const auto& opened) { return !folding.known.contains(opened.first); });
}

DeviceIncidents::ByDevice DeviceIncidents::open_of(const ByDevice& known) {
    ByDevice open;
    for (const auto& [device, one] : known)
        if (one.incident.open) open.emplace(device, one);
    return open;
}

std::vector<DeviceIncident> DeviceIncidents::named(Reader& reader, const ByDevice& devices) const {
    std::vector<DeviceIncident> out;
    for (const auto& [ref, known] : devices) {
        if (out.size() == most_named) break;
        DeviceIncident one{.device = ref,
                           .id = {},
                           .windows = known.incident.bad,
                           .since = known.incident.since,
                           .or_longer = known.or_longer,
                           .slashed = {},
                           .down_days = 0,
                           .grace_days = 0};
        const auto in_bucket = reader.books_devices(ref.bucket);
        const auto own = std::ranges::find(in_bucket, ref, &BooksDevice::ref);
        if (own != in_bucket.end()) one.id = own->id;
        const DayIndex first = schedule_.calendar().day_at(one.since);
        for (const DayRecord& day : reader.days(ref, {.before = {}, .limit = days_counted})) {
            if (day.day < first) continue;
            one.slashed += day.slashed;
            one.down_days += day.outcome == DayOutcome::down ? 1 : 0;
            one.grace_days += day.grace_used ? 1 : 0;
        }
        out.push_back(one);
    }
    return out;
}

IncidentReport DeviceIncidents::open_now(IncidentReport report) const {
    store_.read([&](Reader& reader) { report.open_named = named(reader, open_of(known_)); });
    return report;
}

IncidentReport DeviceIncidents::follow(WindowIndex closed, std::optional<WindowIndex> first_own) {
    IncidentReport report;
    report.window = closed;
    if (as_of_ && closed <= *as_of_) return report;
    const Calendar calendar = schedule_.calendar();
    // At least so far that what is open is seen to be.
    const WindowIndex oldest = std::min(calendar.first_window(calendar.day_of(closed) - days_back),
                                        closed - static_cast<std::int64_t>(open_after_));
    const WindowIndex from = as_of_ ? std::max(*as_of_ + 1, oldest) : oldest;
    const WindowIndex told_from =
        as_of_ ? std::clamp(first_own.value_or(from), from, closed) : closed;
    Folding folding;
    store_.read([&](Reader& reader) {
        folding = {
            .known = known_, .told = {}, .opened = {}, .recovered = {}, .devices = 0, .oldest = {}};
        if (!as_of_) folding.oldest = oldest;
        const auto buckets = reader.buckets_with_devices();
        if (from < told_from) {
            for (const std::uint8_t bucket : buckets)
                fold(reader, bucket, from, told_from - 1, folding);
            folding.opened.clear();
            folding.recovered.clear();
            folding.devices = 0;
        }
        folding.told = open_of(folding.known);
        for (const std::uint8_t bucket : buckets) fold(reader, bucket, told_from, closed, folding);
        const ByDevice open = open_of(folding.known);
        report.opened = folding.opened.size();
        report.recovered = folding.recovered.size();
        report.open = open.size();
        report.devices = folding.devices;
        report.opened_named = named(reader, folding.opened);
        report.recovered_named = named(reader, folding.recovered);
        report.open_named = named(reader, open);
    });
    known_ = std::move(folding.known);
    as_of_ = closed;
    return report;
}

}  // namespace vigil::verifier
