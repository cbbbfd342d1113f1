#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {

std::vector<LeaseRecord> leases(Connection& db) {
    std::vector<LeaseRecord> out;
    collect(db.run("SELECT name, holder, epoch, expires_ms, settled_ms FROM leases ORDER BY name"),
            out, [](Rows& rows, LeaseRecord& l) {
                rows.into(l.name, l.holder, l.epoch, l.expires, l.settled);
            });
    return out;
}

std::optional<Lease> take_lease(Connection& db, const std::string& name, const std::string& holder,
                                Milliseconds length) {
    const Instant now = db.clock();
    const bool taken =
        db.change(
            "INSERT INTO leases (name, holder, epoch, expires_ms, settled_ms)"
            " VALUES ($1, $2, 1, $3, 0) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
            " epoch = leases.epoch + 1, expires_ms = excluded.expires_ms, settled_ms = 0"
            " WHERE leases.holder = excluded.holder OR leases.expires_ms <= $4",
            name, holder, now + length, now) != 0;
    if (!taken) return std::nullopt;
    Lease lease{.name = name, .holder = holder, .epoch = 0};
    Rows rows = db.run("SELECT epoch FROM leases WHERE name = $1", name);
    if (rows.next()) rows.into(lease.epoch);
    return lease;
}

void require_lease(Connection& db, const Lease& lease, Milliseconds length,
                   std::optional<Instant> settled) {
    const bool held = db.change(
                          "UPDATE leases SET expires_ms = $1,"
                          " settled_ms = CASE WHEN settled_ms < $2 THEN $2 ELSE settled_ms END"
                          // A server that came back without its last commits gives an epoch twice.
                          " WHERE name = $3 AND epoch = $4 AND holder = $5",
                          db.clock() + length, settled.value_or(instant_from_ms(0)), lease.name,
                          lease.epoch, lease.holder) != 0;
    if (!held)
        throw LeaseLost{"store " + db.name() + ": the lease \"" + lease.name + "\" of epoch " +
                        std::to_string(lease.epoch) +
                        " was taken by another verifier; nothing of this transaction is kept"};
}

void release_lease(Connection& db, const Lease& lease) {
    db.execute("UPDATE leases SET expires_ms = 0 WHERE name = $1 AND epoch = $2 AND holder = $3",
               lease.name, lease.epoch, lease.holder);
}

std::vector<PublicKey> receipt_keys(Connection& db) {
    std::vector<PublicKey> out;
    collect(db.run("SELECT public_key FROM receipt_keys ORDER BY first_used_ms, public_key"), out,
            [](Rows& rows, PublicKey& key) { rows.into(key); });
    return out;
}

void add_receipt_key(Connection& db, const PublicKey& key, Instant first_used) {
    db.execute(
        "INSERT INTO receipt_keys (first_used_ms, public_key) VALUES ($1, $2)"
        " ON CONFLICT DO NOTHING",
        first_used, key);
}

}  // namespace vigil::verifier::sql
