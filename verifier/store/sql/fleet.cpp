#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

void read_node(Rows& rows, NodeRecord& n) {
    rows.into(n.ref.bucket, n.ref.number, n.id, n.key, n.payout, n.name, n.region, n.version,
              n.sequence, n.enrolled);
}

void read_device(Rows& rows, DeviceRecord& d) {
    rows.into(d.ref.bucket, d.ref.number, d.node.number, d.id, d.uid, d.model, d.driver, d.backend,
              d.memory_bytes, d.enrolled, d.active_from, d.retired_from, d.request_sequence);
    d.node.bucket = d.ref.bucket;
}

void read_calibration(Rows& rows, CalibrationRecord& c) {
    rows.into(c.device.bucket, c.device.number, c.counter, c.beacon, c.issued);
}

}  // namespace

std::vector<NodeRecord> nodes(Connection& db) {
    std::vector<NodeRecord> out;
    collect(db.run("SELECT bucket, number, id, public_key, payout, name, region, version, sequence,"
                   " enrolled_ms FROM nodes ORDER BY bucket, number"),
            out, read_node);
    return out;
}

std::optional<NodeRecord> node(Connection& db, const NodeId& id) {
    const std::uint8_t bucket = id.bytes[0];
    Rows rows = db.run(
        "SELECT bucket, number, id, public_key, payout, name, region, version, sequence,"
        " enrolled_ms FROM nodes WHERE bucket = $1 AND id = $2",
        bucket, id);
    if (!rows.next()) return std::nullopt;
    NodeRecord out;
    read_node(rows, out);
    return out;
}

std::vector<DeviceRecord> devices(Connection& db) {
    std::vector<DeviceRecord> out;
    collect(db.run("SELECT bucket, number, node, id, uid, model, driver, backend, memory_bytes,"
                   " enrolled_ms, active_from_ms, retired_from, request_sequence"
                   " FROM devices ORDER BY bucket, number"),
            out, read_device);
    return out;
}

std::vector<DeviceRecord> devices_of(Connection& db, NodeRef node) {
    std::vector<DeviceRecord> out;
    collect(db.run("SELECT bucket, number, node, id, uid, model, driver, backend, memory_bytes,"
                   " enrolled_ms, active_from_ms, retired_from, request_sequence"
                   " FROM devices WHERE bucket = $1 AND node = $2 ORDER BY number",
                   node.bucket, node.number),
            out, read_device);
    return out;
}

std::vector<CalibrationRecord> latest_calibrations(Connection& db) {
    std::vector<CalibrationRecord> out;
    collect(db.run("SELECT c.bucket, c.device, c.counter, c.beacon, c.issued_ms"
                   " FROM devices d JOIN calibrations c ON c.bucket = d.bucket"
                   " AND c.device = d.number AND c.counter = d.calibration"
                   " ORDER BY d.bucket, d.number"),
            out, read_calibration);
    return out;
}

std::vector<CalibrationRecord> latest_calibrations_of(Connection& db, NodeRef node) {
    std::vector<CalibrationRecord> out;
    collect(db.run("SELECT c.bucket, c.device, c.counter, c.beacon, c.issued_ms"
                   " FROM devices d JOIN calibrations c ON c.bucket = d.bucket"
                   " AND c.device = d.number AND c.counter = d.calibration"
                   " WHERE d.bucket = $1 AND d.node = $2 ORDER BY d.number",
                   node.bucket, node.number),
            out, read_calibration);
    return out;
}

/// From calibration to verdict, whose window is that of the issue: what a device did in all other
/// windows is not looked at.
std::vector<Calibrated> passed_calibrations(Connection& db, DeviceRef device, Milliseconds window,
                                            std::int64_t limit) {
    std::vector<Calibrated> out;
    collect(db.run("SELECT v.received_ms, v.rate FROM calibrations c JOIN verdicts v"
                   " ON v.bucket = c.bucket AND v.window_index = c.issued_ms / $1"
                   " AND v.device = c.device AND v.kind = $2 AND v.ref = c.counter"
                   " WHERE c.bucket = $3 AND c.device = $4 AND v.verdict = $5"
                   " AND v.received_ms IS NOT NULL ORDER BY c.counter DESC LIMIT $6",
                   window.count(), CheckKind::calibration, device.bucket, device.number,
                   Verdict::passed, limit),
            out, [](Rows& rows, Calibrated& one) { rows.into(one.received, one.rate); });
    return out;
}

std::vector<std::pair<DeviceRef, std::uint64_t>> calibration_rates(Connection& db) {
    std::vector<std::pair<DeviceRef, std::uint64_t>> out;
    collect(db.run("SELECT bucket, number, calibration_rate FROM devices"
                   " WHERE calibration_rate IS NOT NULL ORDER BY bucket, number"),
            out, [](Rows& rows, auto& entry) {
                rows.into(entry.first.bucket, entry.first.number, entry.second);
            });
    return out;
}

}  // namespace vigil::verifier::sql
