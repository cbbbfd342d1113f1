#include <algorithm>
#include <array>

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

using Rates = std::array<std::optional<std::uint64_t>, 6>;  // rate_6 to rate_1: oldest first

std::vector<std::uint64_t> known(const Rates& rates) {
    std::vector<std::uint64_t> out;
    for (const auto& rate : rates)
        if (rate) out.push_back(*rate);
    return out;
}

void read_window_of_day(Rows& rows, WindowOfDay& w) {
    rows.into(w.device, w.window, w.outcome, w.roll_call_rate, w.roll_call_valid);
}

}  // namespace

std::vector<std::uint8_t> buckets_with_devices(Connection& db) {
    std::vector<std::uint8_t> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        if (db.run("SELECT 1 FROM devices WHERE bucket = $1 LIMIT 1", bucket).next())
            out.push_back(static_cast<std::uint8_t>(bucket));
    return out;
}

std::vector<BooksDevice> books_devices(Connection& db, std::uint8_t bucket) {
    std::vector<BooksDevice> out;
    collect(db.run("SELECT d.number, d.node, d.id, d.enrolled_ms, d.active_from_ms, d.retired_from,"
                   " d.calibration_rate, r.rate_6, r.rate_5, r.rate_4, r.rate_3, r.rate_2, r.rate_1"
                   " FROM devices d LEFT JOIN recent_rates r ON r.bucket = d.bucket"
                   " AND r.device = d.number WHERE d.bucket = $1 ORDER BY d.number",
                   bucket),
            out, [&](Rows& rows, BooksDevice& d) {
                Rates rates;
                rows.into(d.ref.number, d.node.number, d.id, d.enrolled, d.active_from,
                          d.retired_from, d.calibration_rate, rates[0], rates[1], rates[2],
                          rates[3], rates[4], rates[5]);
                d.ref.bucket = d.node.bucket = bucket;
                d.roll_call_rates = known(rates);
            });
    return out;
}

std::vector<JudgedCheck> judged_checks(Connection& db, std::uint8_t bucket, WindowIndex window) {
    std::vector<JudgedCheck> out;
    collect(db.run("SELECT device, kind, ref, verdict, rate FROM verdicts"
                   " WHERE bucket = $1 AND window_index = $2 AND kind <> $3"
                   " ORDER BY device, kind, ref",
                   bucket, window, CheckKind::calibration),
            out, [](Rows& rows, JudgedCheck& c) {
                rows.into(c.device, c.kind, c.ref, c.verdict, c.rate);
            });
    return out;
}

std::vector<std::int64_t> devices_that_missed(Connection& db, std::uint8_t bucket,
                                              WindowIndex window, SlotIndex slot) {
    std::vector<std::int64_t> out;
    collect(db.run("SELECT device FROM verdicts WHERE bucket = $1 AND window_index = $2"
                   " AND kind <= $3 AND ref = $4 AND verdict = $5 ORDER BY device",
                   bucket, window, CheckKind::hourly, slot, Verdict::missed),
            out, [](Rows& rows, std::int64_t& device) { rows.into(device); });
    return out;
}

std::vector<std::int64_t> devices_with_outcome(Connection& db, std::uint8_t bucket,
                                               WindowIndex window) {
    std::vector<std::int64_t> out;
    collect(db.run("SELECT device FROM windows WHERE bucket = $1 AND window_index = $2"
                   " ORDER BY device",
                   bucket, window),
            out, [](Rows& rows, std::int64_t& device) { rows.into(device); });
    return out;
}

std::vector<WindowOfDay> outcomes_in(Connection& db, std::uint8_t bucket, WindowIndex window) {
    std::vector<WindowOfDay> out;
    collect(db.run("SELECT device, window_index, outcome, roll_call_rate, roll_call_valid"
                   " FROM windows WHERE bucket = $1 AND window_index = $2 ORDER BY device",
                   bucket, window),
            out, read_window_of_day);
    return out;
}

std::vector<WindowTotals> window_totals(Connection& db, WindowIndex first, WindowIndex last) {
    std::vector<WindowTotals> out;
    collect(db.run("SELECT window_index, complete, incomplete, voided, maintenance, busy,"
                   " unenrolled, measured, rate, root FROM window_totals"
                   " WHERE window_index >= $1 AND window_index <= $2"
                   " AND window_index <= (SELECT max(window_index) FROM closed_windows)"
                   " ORDER BY window_index",
                   first, last),
            out, [](Rows& rows, WindowTotals& t) {
                rows.into(t.window, t.outcomes[1], t.outcomes[2], t.outcomes[3], t.outcomes[4],
                          t.outcomes[5], t.outcomes[6], t.measured, t.rate, t.root);
            });
    return out;
}

std::vector<WindowOfDay> windows_of_day(Connection& db, std::uint8_t bucket, DayIndex day,
                                        std::int64_t windows_per_day) {
    std::vector<WindowOfDay> out;
    const std::int64_t first = day.value * windows_per_day;
    collect(db.run("SELECT device, window_index, outcome, roll_call_rate, roll_call_valid"
                   " FROM windows WHERE bucket = $1 AND window_index >= $2 AND window_index < $3",
                   bucket, first, first + windows_per_day),
            out, read_window_of_day);
    std::sort(out.begin(), out.end(), [](const WindowOfDay& a, const WindowOfDay& b) {
        return std::pair{a.device, a.window} < std::pair{b.device, b.window};
    });
    return out;
}

std::vector<std::pair<std::int64_t, Standing>> standings_in(Connection& db, std::uint8_t bucket) {
    std::vector<std::pair<std::int64_t, Standing>> out;
    collect(db.run("SELECT device, balance, service_days, grace_left, down_run FROM standings"
                   " WHERE bucket = $1 ORDER BY device",
                   bucket),
            out, [](Rows& rows, auto& entry) {
                Standing& s = entry.second;
                rows.into(entry.first, s.balance, s.service_days, s.grace_left, s.down_run);
            });
    return out;
}

std::vector<std::int64_t> devices_with_day(Connection& db, std::uint8_t bucket, DayIndex day) {
    std::vector<std::int64_t> out;
    collect(db.run("SELECT device FROM days WHERE bucket = $1 AND day = $2 ORDER BY device", bucket,
                   day),
            out, [](Rows& rows, std::int64_t& device) { rows.into(device); });
    return out;
}

std::vector<DeviceState> states_after(Connection& db, std::uint8_t bucket, DayIndex day) {
    std::vector<DeviceState> out;
    collect(db.run("SELECT d.id, y.balance, y.service_days, y.grace_left, y.down_run, y.baseline"
                   " FROM days y JOIN devices d ON d.bucket = y.bucket AND d.number = y.device"
                   " WHERE y.bucket = $1 AND y.day = $2",
                   bucket, day),
            out, [](Rows& rows, DeviceState& s) {
                rows.into(s.device, s.standing.balance, s.standing.service_days,
                          s.standing.grace_left, s.standing.down_run, s.baseline);
            });
    return out;
}

std::vector<WindowRecord> windows_of(Connection& db, DayIndex day, std::int64_t windows_per_day) {
    std::vector<WindowRecord> out;
    const std::int64_t first = day.value * windows_per_day;
    const auto last = last_closed_window(db);
    const std::int64_t end = std::min(first + windows_per_day, last ? last->value + 1 : 0);
    for (int bucket = 0; bucket < buckets; ++bucket) {
        const auto begin = static_cast<std::ptrdiff_t>(out.size());
        collect(db.run("SELECT bucket, window_index, device, outcome, misses, roll_call_rate,"
                       " roll_call_valid, reason, closed_ms FROM windows"
                       " WHERE bucket = $1 AND window_index >= $2 AND window_index < $3",
                       bucket, first, end),
                out, [](Rows& rows, WindowRecord& w) {
                    rows.into(w.device.bucket, w.window, w.device.number, w.outcome, w.misses,
                              w.roll_call_rate, w.roll_call_valid, w.reason, w.closed);
                });
        std::sort(out.begin() + begin, out.end(), [](const WindowRecord& a, const WindowRecord& b) {
            return std::pair{a.device, a.window} < std::pair{b.device, b.window};
        });
    }
    return out;
}

std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>> recent_roll_call_rates(
    Connection& db) {
    std::vector<std::pair<DeviceRef, std::vector<std::uint64_t>>> out;
    collect(db.run("SELECT bucket, device, rate_6, rate_5, rate_4, rate_3, rate_2, rate_1"
                   " FROM recent_rates ORDER BY bucket, device"),
            out, [](Rows& rows, auto& entry) {
                Rates rates;
                rows.into(entry.first.bucket, entry.first.number, rates[0], rates[1], rates[2],
                          rates[3], rates[4], rates[5]);
                entry.second = known(rates);
            });
    return out;
}

std::vector<std::uint64_t> recent_roll_call_rates_of(Connection& db, DeviceRef device) {
    Rows rows = db.run(
        "SELECT rate_6, rate_5, rate_4, rate_3, rate_2, rate_1 FROM recent_rates"
        " WHERE bucket = $1 AND device = $2",
        device.bucket, device.number);
    if (!rows.next()) return {};
    Rates rates;
    rows.into(rates[0], rates[1], rates[2], rates[3], rates[4], rates[5]);
    return known(rates);
}

std::vector<std::pair<DeviceRef, Standing>> standings(Connection& db) {
    std::vector<std::pair<DeviceRef, Standing>> out;
    collect(db.run("SELECT bucket, device, balance, service_days, grace_left, down_run"
                   " FROM standings ORDER BY bucket, device"),
            out, [](Rows& rows, auto& entry) {
                Standing& s = entry.second;
                rows.into(entry.first.bucket, entry.first.number, s.balance, s.service_days,
                          s.grace_left, s.down_run);
            });
    return out;
}

}  // namespace vigil::verifier::sql
