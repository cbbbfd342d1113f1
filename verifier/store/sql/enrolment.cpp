#include <algorithm>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {
namespace {

template <class... Values>
std::int64_t number_of(Connection& db, Sql sql, const Values&... values) {
    std::int64_t out = 0;
    Rows rows = db.run(sql, values...);
    if (rows.next()) rows.into(out);
    return out;
}

NodeRef known_node(Connection& db, const NodeId& id) {
    const auto found = node(db, id);
    if (!found)
        throw StoreFailed{"store " + db.name() + ": node " + to_hex(id) +
                          " is not enrolled, so nothing can be recorded for it"};
    return found->ref;
}

/// Appends the entry; false when this very entry is there already.
bool add_entry(Connection& db, NodeRef node, const EnrolmentEntry& entry) {
    const AsBytes content{entry.content};
    if (number_of(db,
                  "SELECT count(*) FROM enrolments WHERE bucket = $1 AND node = $2"
                  " AND received_ms = $3 AND kind = $4 AND signature = $5 AND content = $6",
                  node.bucket, node.number, entry.received, entry.kind, entry.signature,
                  content) != 0)
        return false;
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('enrolments', 1)"
        " ON CONFLICT (name) DO UPDATE SET value = meta.value + 1");
    const auto number = number_of(db, "SELECT value FROM meta WHERE name = 'enrolments'");
    db.execute(
        "INSERT INTO enrolments (bucket, number, node, kind, received_ms, signature, content)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        node.bucket, number, node.number, entry.kind, entry.received, entry.signature, content);
    return true;
}

void put_node(Connection& db, NodeRecord& node, const std::optional<NodeRecord>& known) {
    if (known) {
        node.enrolled = known->enrolled;
        db.execute(
            "UPDATE nodes SET public_key = $1, payout = $2, name = $3, region = $4, version = $5,"
            " sequence = $6 WHERE bucket = $7 AND number = $8",
            node.key, node.payout, node.name, node.region, node.version, node.sequence,
            node.ref.bucket, node.ref.number);
        return;
    }
    db.execute(
        "INSERT INTO nodes (bucket, number, id, public_key, payout, name, region, version,"
        " sequence, enrolled_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        node.ref.bucket, node.ref.number, node.id, node.key, node.payout, node.name, node.region,
        node.version, node.sequence, node.enrolled);
}

void put_device(Connection& db, DeviceRecord& device, const DeviceRecord* known) {
    if (known) {
        device.ref = known->ref;
        device.enrolled = known->enrolled;
        device.request_sequence = std::max(device.request_sequence, known->request_sequence);
        db.execute(
            "UPDATE devices SET uid = $1, model = $2, driver = $3, backend = $4, memory_bytes = $5,"
            " active_from_ms = $6, retired_from = $7, request_sequence = $8"
            " WHERE bucket = $9 AND number = $10",
            device.uid, device.model, device.driver, device.backend, device.memory_bytes,
            device.active_from, device.retired_from, device.request_sequence, device.ref.bucket,
            device.ref.number);
        return;
    }
    device.ref = {
        device.node.bucket,
        1 + number_of(db, "SELECT max(number) FROM devices WHERE bucket = $1", device.node.bucket)};
    db.execute(
        "INSERT INTO devices (bucket, number, node, id, uid, model, driver, backend, memory_bytes,"
        " enrolled_ms, active_from_ms, retired_from, request_sequence)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        device.ref.bucket, device.ref.number, device.node.number, device.id, device.uid,
        device.model, device.driver, device.backend, device.memory_bytes, device.enrolled,
        device.active_from, device.retired_from, device.request_sequence);
}

}  // namespace

std::vector<EnrolmentEntry> enrolments(Connection& db, std::int64_t after_row, std::int64_t limit) {
    struct Numbered {
        std::int64_t number{};
        EnrolmentEntry entry;
    };
    std::vector<Numbered> found;
    const std::int64_t last = after_row + limit;  // numbers have no gaps
    for (int bucket = 0; bucket < buckets; ++bucket)
        collect(db.run("SELECT e.number, e.kind, n.id, e.received_ms, e.content, e.signature"
                       " FROM enrolments e JOIN nodes n ON n.bucket = e.bucket"
                       " AND n.number = e.node"
                       " WHERE e.bucket = $1 AND e.number > $2 AND e.number <= $3",
                       bucket, after_row, last),
                found, [](Rows& rows, Numbered& n) {
                    rows.into(n.number, n.entry.kind, n.entry.node, n.entry.received,
                              IntoBytes{n.entry.content}, n.entry.signature);
                });
    std::sort(found.begin(), found.end(),
              [](const Numbered& a, const Numbered& b) { return a.number < b.number; });
    std::vector<EnrolmentEntry> out;
    for (auto& n : found) out.push_back(std::move(n.entry));
    return out;
}

std::int64_t enrolment_count(Connection& db) {
    return number_of(db, "SELECT value FROM meta WHERE name = 'enrolments'");
}

std::int64_t hold_enrolments(Connection& db) {
    // Written, not read: it is the row's lock that keeps the others waiting.
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('enrolments', 0)"
        " ON CONFLICT (name) DO UPDATE SET value = meta.value");
    return enrolment_count(db);
}

void enrol(Connection& db, const EnrolmentEntry& entry, NodeRecord& ours,
           std::vector<DeviceRecord>& named) {
    require(entry.node == ours.id, "an enrolment is of the node that signed it");
    const auto known = node(db, ours.id);
    const std::uint8_t bucket = ours.id.bytes[0];
    ours.ref = known ? known->ref
                     : NodeRef{bucket, 1 + number_of(db,
                                                     "SELECT max(number) FROM nodes"
                                                     " WHERE bucket = $1",
                                                     bucket)};
    const bool is_new = add_entry(db, ours.ref, entry);
    if (is_new) {
        put_node(db, ours, known);
    } else {
        ours = known.value();
    }
    const auto before = known ? devices_of(db, ours.ref) : std::vector<DeviceRecord>{};
    for (DeviceRecord& device : named) {
        const auto same = std::find_if(before.begin(), before.end(),
                                       [&](const DeviceRecord& d) { return d.id == device.id; });
        device.node = ours.ref;
        if (same == before.end()) {
            put_device(db, device, nullptr);
        } else if (is_new) {
            put_device(db, device, &*same);
        } else {
            device = *same;
        }
    }
}

void retire(Connection& db, const EnrolmentEntry& entry, DeviceRef device, DayIndex retired_from,
            std::uint64_t sequence) {
    if (!add_entry(db, known_node(db, entry.node), entry)) return;
    db.execute(
        "UPDATE devices SET retired_from = $1, request_sequence = $2"
        " WHERE bucket = $3 AND number = $4",
        retired_from, sequence, device.bucket, device.number);
}

void add_calibration(Connection& db, const CalibrationRecord& calibration,
                     const std::optional<EnrolmentEntry>& entry, std::uint64_t sequence) {
    const DeviceRef device = calibration.device;
    if (entry && add_entry(db, known_node(db, entry->node), *entry))
        db.execute("UPDATE devices SET request_sequence = $1 WHERE bucket = $2 AND number = $3",
                   sequence, device.bucket, device.number);
    const auto added = db.change(
        "INSERT INTO calibrations (bucket, device, counter, beacon, issued_ms)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        device.bucket, device.number, calibration.counter, calibration.beacon, calibration.issued);
    if (added != 0)
        db.execute("UPDATE devices SET calibration = $1 WHERE bucket = $2 AND number = $3",
                   calibration.counter, device.bucket, device.number);
}

}  // namespace vigil::verifier::sql
