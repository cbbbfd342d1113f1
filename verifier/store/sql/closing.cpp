#include <algorithm>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

/// True when `next` is to be closed now, false when it was before; refuses what is out of order.
bool is_next(Connection& db, const char* what, std::int64_t next,
             const std::optional<std::int64_t>& last, bool known) {
    if (known) return false;
    if (!last || next == *last + 1) return true;
    throw StoreFailed{"store " + db.name() + ": " + what + " " + std::to_string(next) +
                      " cannot be closed after " + std::to_string(*last) +
                      ": each follows the one before"};
}

void add_windows(Connection& db, std::span<const WindowRecord> windows) {
    db.execute_many(
        "INSERT INTO windows (bucket, window_index, device, outcome, misses, roll_call_rate,"
        " roll_call_valid, reason, closed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT DO NOTHING",
        windows, [](const WindowRecord& w) {
            return row(w.device.bucket, w.window, w.device.number, w.outcome, w.misses,
                       w.roll_call_rate, w.roll_call_valid, w.reason, w.closed);
        });
    std::vector<std::pair<DeviceRef, WindowIndex>> seen;
    std::vector<std::pair<DeviceRef, std::uint64_t>> rates;
    for (const WindowRecord& w : windows) {
        seen.emplace_back(w.device, w.window);
        if (w.roll_call_valid) rates.emplace_back(w.device, w.roll_call_rate);
    }
    note_first_windows(db, std::move(seen));
    db.execute_many(
        "INSERT INTO recent_rates (bucket, device, rate_1) VALUES ($1, $2, $3)"
        " ON CONFLICT (bucket, device) DO UPDATE SET rate_6 = recent_rates.rate_5,"
        " rate_5 = recent_rates.rate_4, rate_4 = recent_rates.rate_3,"
        " rate_3 = recent_rates.rate_2, rate_2 = recent_rates.rate_1,"
        " rate_1 = excluded.rate_1",
        rates,
        [](const auto& rate) { return row(rate.first.bucket, rate.first.number, rate.second); });
}

void add_days(Connection& db, std::span<const DayRecord> devices) {
    db.execute_many(
        "INSERT INTO days (bucket, day, device, outcome, counted, multiplier_ppm, rate, credit,"
        " slashed, grace_used, tier, balance, service_days, grace_left, down_run, baseline, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        " ON CONFLICT DO NOTHING",
        devices, [](const DayRecord& d) {
            return row(d.device.bucket, d.day, d.device.number, d.outcome, d.counted, d.multiplier,
                       d.rate, d.credit, d.slashed, d.grace_used, d.tier, d.after.balance,
                       d.after.service_days, d.after.grace_left, d.after.down_run, d.baseline,
                       d.reason);
        });
    db.execute_many(
        "INSERT INTO standings (bucket, device, balance, service_days, grace_left, down_run,"
        " first_day) VALUES ($1, $2, $3, $4, $5, $6, $7)"
        " ON CONFLICT (bucket, device) DO UPDATE SET balance = excluded.balance,"
        " service_days = excluded.service_days, grace_left = excluded.grace_left,"
        " down_run = excluded.down_run",
        devices, [](const DayRecord& d) {
            return row(d.device.bucket, d.device.number, d.after.balance, d.after.service_days,
                       d.after.grace_left, d.after.down_run, d.day);
        });
}

void read_settled(Rows& rows, SettledDay& s) {
    rows.into(s.day, s.state_hash, s.devices, s.settled);
}

}  // namespace

std::optional<WindowIndex> last_closed_window(Connection& db) {
    std::optional<WindowIndex> out;
    Rows rows = db.run("SELECT max(window_index) FROM closed_windows");
    if (rows.next()) rows.into(out);
    return out;
}

void close_window(Connection& db, WindowIndex window, Instant closed,
                  std::span<const VerdictRecord> missed, std::span<const VoidRecord> voids,
                  std::span<const WindowRecord> windows) {
    std::optional<std::int64_t> last;
    if (const auto found = last_closed_window(db)) last = found->value;
    const bool known =
        db.run("SELECT 1 FROM closed_windows WHERE window_index = $1", window).next();
    if (!is_next(db, "window", window.value, last, known)) return;
    db.execute("INSERT INTO closed_windows (window_index, closed_ms) VALUES ($1, $2)", window,
               closed);
    add_verdicts(db, missed);
    add_voids(db, voids);
    for (const WindowRecord& w : windows)
        require(w.window == window, "a closing holds the outcomes of its own window");
    add_windows(db, windows);
}

std::optional<SettledDay> last_settled_day(Connection& db) {
    Rows rows = db.run(
        "SELECT day, state_hash, devices, settled_ms FROM settled_days"
        " ORDER BY day DESC LIMIT 1");
    if (!rows.next()) return std::nullopt;
    SettledDay out;
    read_settled(rows, out);
    return out;
}

std::optional<SettledDay> settled_day(Connection& db, DayIndex day) {
    Rows rows =
        db.run("SELECT day, state_hash, devices, settled_ms FROM settled_days WHERE day = $1", day);
    if (!rows.next()) return std::nullopt;
    SettledDay out;
    read_settled(rows, out);
    return out;
}

void settle_day(Connection& db, const SettledDay& day, std::span<const DayRecord> devices) {
    std::optional<std::int64_t> last;
    if (const auto found = last_settled_day(db)) last = found->day.value;
    if (!is_next(db, "day", day.day.value, last, settled_day(db, day.day).has_value())) return;
    db.execute(
        "INSERT INTO settled_days (day, state_hash, devices, settled_ms) VALUES ($1, $2, $3, $4)",
        day.day, day.state_hash, day.devices, day.settled);
    for (const DayRecord& d : devices)
        require(d.day == day.day, "a settlement holds the records of its own day");
    add_days(db, devices);
}

std::vector<WindowRecord> windows_of(Connection& db, DayIndex day, std::int64_t windows_per_day) {
    std::vector<WindowRecord> out;
    const std::int64_t first = day.value * windows_per_day, end = first + windows_per_day;
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
                std::array<std::optional<std::uint64_t>, 6> rates;
                rows.into(entry.first.bucket, entry.first.number, rates[0], rates[1], rates[2],
                          rates[3], rates[4], rates[5]);
                for (const auto& rate : rates)
                    if (rate) entry.second.push_back(*rate);
            });
    return out;
}

std::vector<std::uint64_t> recent_roll_call_rates_of(Connection& db, DeviceRef device) {
    std::vector<std::uint64_t> out;
    Rows rows = db.run(
        "SELECT rate_6, rate_5, rate_4, rate_3, rate_2, rate_1 FROM recent_rates"
        " WHERE bucket = $1 AND device = $2",
        device.bucket, device.number);
    if (!rows.next()) return out;
    std::array<std::optional<std::uint64_t>, 6> rates;
    rows.into(rates[0], rates[1], rates[2], rates[3], rates[4], rates[5]);
    for (const auto& rate : rates)
        if (rate) out.push_back(*rate);
    return out;
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
