#include <algorithm>
#include <limits>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

/// Position of a check in its device's history: by window, then start, then kind. A device has one
/// check of a kind at a time. 29 bits hold the milliseconds of six days; a window is shorter.
std::int64_t row_of(const VerdictRecord& v) {
    const std::int64_t window = v.claim.window.value;
    require(window >= 0 && window < std::int64_t{1} << 31, "a window index of this century");
    const std::int64_t start = to_ms(v.start) & ((std::int64_t{1} << 29) - 1);
    return window << 32 | start << 3 | static_cast<std::int64_t>(v.claim.kind);
}
WindowIndex window_of_row(std::int64_t row) { return {row >> 32}; }

void read_check(Rows& rows, CheckRow& c) {
    VerdictRecord& v = c.verdict;
    Judgement& j = v.judgement;
    rows.into(v.claim.device.bucket, v.claim.window, v.claim.device.number, v.claim.kind,
              v.claim.ref, v.challenge, v.start, v.deadline, v.received, v.k, v.theta, j.verdict,
              j.work, j.rate, j.baseline, j.reason, c.voided);
    c.row = row_of(v);
}

/// Of a verdict just added; nothing when an earlier one of the same check says something else.
void add_calibration_rate(Connection& db, const VerdictRecord& v) {
    const DeviceRef device = v.claim.device;
    db.execute(
        "UPDATE devices SET calibrated_ms = $1, calibration_rate = $2 WHERE bucket = $3"
        " AND number = $4 AND (calibrated_ms IS NULL OR calibrated_ms <= $1)"
        " AND EXISTS (SELECT 1 FROM verdicts v WHERE v.bucket = $3 AND v.window_index = $5"
        " AND v.device = $4 AND v.kind = $6 AND v.ref = $7 AND v.verdict = $8 AND v.rate = $2)",
        v.start, v.judgement.rate, device.bucket, device.number, v.claim.window, v.claim.kind,
        v.claim.ref, Verdict::passed);
}

/// The window below `window` in which the bucket has verdicts.
std::optional<WindowIndex> window_below(Connection& db, std::uint8_t bucket, WindowIndex window) {
    std::optional<WindowIndex> out;
    Rows rows =
        db.run("SELECT max(window_index) FROM verdicts WHERE bucket = $1 AND window_index < $2",
               bucket, window);
    if (rows.next()) rows.into(out);
    return out;
}

}  // namespace

void note_first_windows(Connection& db, std::vector<std::pair<DeviceRef, WindowIndex>> seen) {
    std::sort(seen.begin(), seen.end());
    const auto repeated = std::unique(
        seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
    seen.erase(repeated, seen.end());
    // Nearly always there is nothing to do, and a DO UPDATE locks a row even then.
    db.execute_many(
        "INSERT INTO first_windows (bucket, device, window_index) VALUES ($1, $2, $3)"
        " /*many WHERE coalesce((SELECT f.window_index FROM first_windows f WHERE f.bucket = $1"
        " AND f.device = $2), 9223372036854775807) > $3*/"
        " ON CONFLICT (bucket, device) DO UPDATE SET window_index = excluded.window_index"
        " WHERE excluded.window_index < first_windows.window_index",
        seen, [](const auto& first) {
            return row(first.first.bucket, first.first.number, first.second);
        });
}

void add_verdicts(Connection& db, std::span<const VerdictOnAnswer> verdicts) {
    db.execute_many(
        "INSERT INTO verdicts (bucket, window_index, device, kind, ref, challenge, start_ms,"
        " deadline_ms, received_ms, k, theta_ppm, verdict, work, rate, baseline, reason, answer)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        " ON CONFLICT DO NOTHING",
        verdicts, [](const VerdictOnAnswer& one) {
            const VerdictRecord& v = *one.verdict;
            const Judgement& j = v.judgement;
            return row(v.claim.device.bucket, v.claim.window, v.claim.device.number, v.claim.kind,
                       v.claim.ref, v.challenge, v.start, v.deadline, v.received, v.k, v.theta,
                       j.verdict, j.work, j.rate, j.baseline, j.reason, one.answer);
        });
    std::vector<std::pair<DeviceRef, WindowIndex>> seen;
    for (const auto& [verdict, answer] : verdicts) {
        seen.emplace_back(verdict->claim.device, verdict->claim.window);
        if (verdict->claim.kind == CheckKind::calibration &&
            verdict->judgement.verdict == Verdict::passed)
            add_calibration_rate(db, *verdict);
    }
    note_first_windows(db, std::move(seen));
}

void add_verdicts(Connection& db, std::span<const VerdictRecord> verdicts) {
    std::vector<VerdictOnAnswer> without;
    for (const VerdictRecord& verdict : verdicts) without.push_back({&verdict, std::nullopt});
    add_verdicts(db, without);
}

void add_voids(Connection& db, std::span<const VoidRecord> voids) {
    db.execute_many(
        "INSERT INTO voids (bucket, window_index, device, kind, ref, reason)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        voids, [](const VoidRecord& v) {
            return row(v.claim.device.bucket, v.claim.window, v.claim.device.number, v.claim.kind,
                       v.claim.ref, v.reason);
        });
}

std::vector<CheckRow> verdicts_of(Connection& db, WindowIndex window) {
    std::vector<CheckRow> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        collect(db.run("SELECT v.bucket, v.window_index, v.device, v.kind, v.ref, challenge,"
                       " start_ms, deadline_ms, received_ms, k, theta_ppm, verdict, work, rate,"
                       " baseline, v.reason, o.reason"
                       " FROM verdicts v LEFT JOIN voids o ON o.bucket = v.bucket"
                       " AND o.window_index = v.window_index AND o.device = v.device"
                       " AND o.kind = v.kind AND o.ref = v.ref"
                       " WHERE v.bucket = $1 AND v.window_index = $2 AND v.kind <> $3"
                       " ORDER BY v.device, v.kind, v.ref",
                       bucket, window, CheckKind::calibration),
                out, read_check);
    return out;
}

std::vector<CheckRow> calibration_verdicts_of(Connection& db, WindowIndex window) {
    std::vector<CheckRow> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        collect(db.run("SELECT v.bucket, v.window_index, v.device, v.kind, v.ref, challenge,"
                       " start_ms, deadline_ms, received_ms, k, theta_ppm, verdict, work, rate,"
                       " baseline, v.reason, NULL"
                       " FROM verdicts v WHERE v.bucket = $1 AND v.window_index = $2"
                       " AND v.kind = $3 ORDER BY v.device, v.ref",
                       bucket, window, CheckKind::calibration),
                out, read_check);
    return out;
}

std::vector<CheckRow> checks_in(Connection& db, DeviceRef device, WindowIndex window) {
    std::vector<CheckRow> out;
    collect(db.run("SELECT v.bucket, v.window_index, v.device, v.kind, v.ref, challenge,"
                   " start_ms, deadline_ms, received_ms, k, theta_ppm, verdict, work, rate,"
                   " baseline, v.reason, o.reason"
                   " FROM verdicts v LEFT JOIN voids o ON o.bucket = v.bucket"
                   " AND o.window_index = v.window_index AND o.device = v.device"
                   " AND o.kind = v.kind AND o.ref = v.ref"
                   " WHERE v.bucket = $1 AND v.window_index = $2 AND v.device = $3",
                   device.bucket, window, device.number),
            out, read_check);
    std::sort(out.begin(), out.end(),
              [](const CheckRow& a, const CheckRow& b) { return a.row < b.row; });
    return out;
}

std::vector<CheckRow> checks(Connection& db, DeviceRef device, const Page& page) {
    std::vector<CheckRow> out;
    const auto first = first_window(db, device);
    if (!first) return out;
    std::optional<WindowIndex> window =
        page.before ? window_of_row(*page.before)
                    : window_below(db, device.bucket, {std::numeric_limits<std::int64_t>::max()});
    while (window && *window >= *first) {
        auto rows = checks_in(db, device, *window);
        if (page.before)
            std::erase_if(rows, [&](const CheckRow& c) { return c.row >= *page.before; });
        for (auto c = rows.rbegin(); c != rows.rend(); ++c) {
            out.push_back(std::move(*c));
            if (out.size() == rows_of(page)) return out;
        }
        // Windows without this device may be many: after downtime, after it retired.
        window = rows.empty() ? window_below(db, device.bucket, *window) : *window - 1;
    }
    return out;
}

}  // namespace vigil::verifier::sql
