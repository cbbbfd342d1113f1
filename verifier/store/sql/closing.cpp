#include <algorithm>
#include <map>
#include <set>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

/// Refuses what is out of order.
void follow(Connection& db, const char* what, std::int64_t next,
            const std::optional<std::int64_t>& last) {
    if (!last || next == *last + 1) return;
    throw StoreFailed{"store " + db.name() + ": " + what + " " + std::to_string(next) +
                      " cannot be closed after " + std::to_string(*last) +
                      ": each follows the one before"};
}

bool began(Connection& db, WindowIndex window) {
    return db.run("SELECT 1 FROM closings WHERE window_index = $1", window).next();
}

bool is_closed(Connection& db, WindowIndex window) {
    return db.run("SELECT 1 FROM closed_windows WHERE window_index = $1", window).next();
}

void require_begun(Connection& db, WindowIndex window) {
    if (!began(db, window))
        throw StoreFailed{"store " + db.name() + ": the closing of window " +
                          std::to_string(window.value) + " has not begun"};
}

/// False when the day was settled before.
bool is_next_day(Connection& db, DayIndex day) {
    if (settled_day(db, day)) return false;
    const auto last = last_settled_day(db);
    follow(db, "day", day.value, last ? std::optional{last->day.value} : std::nullopt);
    return true;
}

DeviceRef device_of(const VerdictRecord& verdict) { return verdict.claim.device; }
DeviceRef device_of(const VoidRecord& voided) { return voided.claim.device; }
DeviceRef device_of(const WindowRecord& window) { return window.device; }
DeviceRef device_of(const DayRecord& day) { return day.device; }

/// The first and last device of each bucket in some rows.
template <class Row>
std::map<std::uint8_t, std::pair<std::int64_t, std::int64_t>> ranges(std::span<const Row> rows) {
    std::map<std::uint8_t, std::pair<std::int64_t, std::int64_t>> out;
    for (const Row& row : rows) {
        const std::int64_t number = row.device.number;
        const auto [place, fresh] = out.try_emplace(row.device.bucket, number, number);
        auto& [first, last] = place->second;
        first = std::min(first, number);
        last = std::max(last, number);
    }
    return out;
}

/// Those devices of some rows that have their outcome of a window, or their record of a day.
class Written {
public:
    Written(Connection& db, std::span<const WindowRecord> windows, WindowIndex window) {
        for (const auto& [bucket, range] : ranges(windows))
            note(bucket, db.run("SELECT device FROM windows WHERE bucket = $1 AND window_index = $2"
                                " AND device >= $3 AND device <= $4",
                                bucket, window, range.first, range.second));
    }
    Written(Connection& db, std::span<const DayRecord> days, DayIndex day) {
        for (const auto& [bucket, range] : ranges(days))
            note(bucket, db.run("SELECT device FROM days WHERE bucket = $1 AND day = $2"
                                " AND device >= $3 AND device <= $4",
                                bucket, day, range.first, range.second));
    }

    /// Calls `add` for the rows of all other devices.
    template <class Row, class Add>
    void skip(std::span<const Row> rows, Add add) const {
        if (devices_.empty()) return add(rows);
        std::vector<Row> others;
        for (const Row& row : rows)
            if (!devices_.contains(device_of(row))) others.push_back(row);
        add(std::span<const Row>{others});
    }

private:
    void note(std::uint8_t bucket, Rows&& rows) {
        for (std::int64_t number{}; rows.next();) {
            rows.into(number);
            devices_.insert({bucket, number});
        }
    }

    std::set<DeviceRef> devices_;
};

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

void add_day_rows(Connection& db, std::span<const DayRecord> devices) {
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

std::optional<ClosedWindow> last_closing(Connection& db) {
    Rows rows =
        db.run("SELECT window_index, began_ms FROM closings ORDER BY window_index DESC LIMIT 1");
    if (!rows.next()) return std::nullopt;
    ClosedWindow out;
    rows.into(out.window, out.closed);
    return out;
}

void begin_closing(Connection& db, WindowIndex window, Instant closed) {
    const auto last = last_closing(db);
    if (last && window <= last->window && began(db, window)) return;
    if (last && !is_closed(db, last->window))
        throw StoreFailed{"store " + db.name() + ": window " + std::to_string(window.value) +
                          " cannot be closed while the closing of " +
                          std::to_string(last->window.value) + " is not finished"};
    follow(db, "window", window.value, last ? std::optional{last->window.value} : std::nullopt);
    db.execute(
        "INSERT INTO closings (window_index, began_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        window, closed);
}

void add_outcomes(Connection& db, WindowIndex window, std::span<const VerdictRecord> missed,
                  std::span<const VoidRecord> voids, std::span<const WindowRecord> windows) {
    if (is_closed(db, window)) return;
    require_begun(db, window);
    for (const WindowRecord& w : windows)
        require(w.window == window, "a closing holds the outcomes of its own window");
    const Written written{db, windows, window};
    written.skip(missed, [&](auto rows) { add_verdicts(db, rows); });
    written.skip(voids, [&](auto rows) { add_voids(db, rows); });
    written.skip(windows, [&](auto rows) { add_windows(db, rows); });
}

void add_window_totals(Connection& db, const WindowTotals& t) {
    db.execute(
        "INSERT INTO window_totals (window_index, complete, incomplete, voided, maintenance, busy,"
        " unenrolled, measured, rate, root) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT DO NOTHING",
        t.window, t.outcomes[1], t.outcomes[2], t.outcomes[3], t.outcomes[4], t.outcomes[5],
        t.outcomes[6], t.measured, t.rate, t.root);
}

void finish_closing(Connection& db, WindowIndex window) {
    if (is_closed(db, window)) return;
    require_begun(db, window);
    db.execute(
        "INSERT INTO closed_windows (window_index, closed_ms) SELECT window_index, began_ms"
        " FROM closings WHERE window_index = $1 ON CONFLICT DO NOTHING",
        window);
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

void add_days(Connection& db, DayIndex day, std::span<const DayRecord> devices) {
    if (!is_next_day(db, day)) return;
    for (const DayRecord& d : devices)
        require(d.day == day, "a settlement holds the records of its own day");
    Written{db, devices, day}.skip(devices, [&](auto rows) { add_day_rows(db, rows); });
}

void finish_settling(Connection& db, const SettledDay& day) {
    if (!is_next_day(db, day.day)) return;
    db.execute(
        "INSERT INTO settled_days (day, state_hash, devices, settled_ms) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        day.day, day.state_hash, day.devices, day.settled);
}

}  // namespace vigil::verifier::sql
