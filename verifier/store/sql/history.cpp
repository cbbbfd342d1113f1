#include <algorithm>

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

void read_window(Rows& rows, WindowRecord& w) {
    rows.into(w.device.bucket, w.window, w.device.number, w.outcome, w.misses, w.roll_call_rate,
              w.roll_call_valid, w.reason, w.closed);
}

void read_day(Rows& rows, DayRecord& d) {
    rows.into(d.device.bucket, d.day, d.device.number, d.outcome, d.counted, d.multiplier, d.rate,
              d.credit, d.slashed, d.grace_used, d.tier, d.after.balance, d.after.service_days,
              d.after.grace_left, d.after.down_run, d.baseline, d.reason);
}

std::optional<DayIndex> first_day(Connection& db, DeviceRef device) {
    std::optional<DayIndex> out;
    Rows rows = db.run("SELECT first_day FROM standings WHERE bucket = $1 AND device = $2",
                       device.bucket, device.number);
    if (rows.next()) rows.into(out);
    return out;
}

std::int64_t last_before(const Page& page) { return std::max<std::int64_t>(*page.before, 0) - 1; }

}  // namespace

std::size_t rows_of(const Page& page) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(page.limit, 1, 1'000));
}

std::optional<WindowIndex> first_window(Connection& db, DeviceRef device) {
    std::optional<WindowIndex> out;
    Rows rows = db.run("SELECT window_index FROM first_windows WHERE bucket = $1 AND device = $2",
                       device.bucket, device.number);
    if (rows.next()) rows.into(out);
    return out;
}

std::vector<WindowRecord> windows(Connection& db, DeviceRef device, const Page& page) {
    std::vector<WindowRecord> out;
    const auto first = first_window(db, device);
    const auto last = last_closed_window(db);
    if (!first || !last) return out;
    WindowIndex window = page.before ? std::min(*last, {last_before(page)}) : *last;
    for (; window >= *first && out.size() < rows_of(page); window = window - 1) {
        Rows rows = db.run(
            "SELECT bucket, window_index, device, outcome, misses, roll_call_rate,"
            " roll_call_valid, reason, closed_ms FROM windows"
            " WHERE bucket = $1 AND window_index = $2 AND device = $3",
            device.bucket, window, device.number);
        if (rows.next()) read_window(rows, out.emplace_back());
    }
    return out;
}

std::vector<DayRecord> days(Connection& db, DeviceRef device, const Page& page) {
    std::vector<DayRecord> out;
    const auto first = first_day(db, device);
    const auto last = last_settled_day(db);
    if (!first || !last) return out;
    DayIndex at = page.before ? std::min(last->day, {last_before(page)}) : last->day;
    for (; at >= *first && out.size() < rows_of(page); at = at - 1)
        if (auto found = day(db, device, at)) out.push_back(std::move(*found));
    return out;
}

std::optional<DayRecord> day(Connection& db, DeviceRef device, DayIndex wanted) {
    Rows rows = db.run(
        "SELECT bucket, day, device, outcome, counted, multiplier_ppm, rate, credit, slashed,"
        " grace_used, tier, balance, service_days, grace_left, down_run, baseline, reason"
        " FROM days WHERE bucket = $1 AND day = $2 AND device = $3"
        " AND day <= (SELECT max(day) FROM settled_days)",
        device.bucket, wanted, device.number);
    if (!rows.next()) return std::nullopt;
    DayRecord d;
    read_day(rows, d);
    return d;
}

std::vector<DayRecord> days_of(Connection& db, DayIndex wanted) {
    std::vector<DayRecord> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        collect(db.run("SELECT bucket, day, device, outcome, counted, multiplier_ppm, rate, credit,"
                       " slashed, grace_used, tier, balance, service_days, grace_left, down_run,"
                       " baseline, reason FROM days WHERE bucket = $1 AND day = $2"
                       " AND day <= (SELECT max(day) FROM settled_days) ORDER BY device",
                       bucket, wanted),
                out, read_day);
    return out;
}

}  // namespace vigil::verifier::sql
