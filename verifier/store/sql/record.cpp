#include <algorithm>
#include <tuple>

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {

std::vector<ClosedWindow> closed_windows(Connection& db, WindowIndex first, std::int64_t limit) {
    std::vector<ClosedWindow> out;
    collect(db.run("SELECT window_index, closed_ms FROM closed_windows WHERE window_index >= $1"
                   " ORDER BY window_index LIMIT $2",
                   first, limit),
            out, [](Rows& rows, ClosedWindow& w) { rows.into(w.window, w.closed); });
    return out;
}

std::vector<CalibrationRecord> calibrations(Connection& db, Instant from, Instant until) {
    std::vector<CalibrationRecord> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        collect(db.run("SELECT bucket, device, counter, beacon, issued_ms FROM calibrations"
                       " WHERE bucket = $1 AND issued_ms >= $2 AND issued_ms < $3",
                       bucket, from, until),
                out, [](Rows& rows, CalibrationRecord& c) {
                    rows.into(c.device.bucket, c.device.number, c.counter, c.beacon, c.issued);
                });
    std::sort(out.begin(), out.end(), [](const CalibrationRecord& a, const CalibrationRecord& b) {
        return std::tie(a.issued, a.device, a.counter) < std::tie(b.issued, b.device, b.counter);
    });
    return out;
}

std::vector<StoredAnswer> answers_after(Connection& db, std::uint8_t bucket, std::int64_t after,
                                        std::int64_t limit) {
    std::vector<StoredAnswer> out;
    collect(db.run("SELECT number, node, received_ms, id, signature, signed_bytes FROM answers"
                   " WHERE bucket = $1 AND number > $2 ORDER BY number LIMIT $3",
                   bucket, after, limit),
            out, [&](Rows& rows, StoredAnswer& a) {
                rows.into(a.number, a.node.number, a.received, a.id, a.signature, a.signed_bytes);
                a.node.bucket = bucket;
            });
    return out;
}

}  // namespace vigil::verifier::sql
