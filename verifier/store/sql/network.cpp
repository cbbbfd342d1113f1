#include <algorithm>

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {

std::optional<Genesis> genesis(Connection& db) {
    Rows rows = db.run("SELECT network_name, programme_start_day, founded_ms FROM genesis");
    if (!rows.next()) return std::nullopt;
    Genesis out;
    rows.into(out.network_name, out.programme_start_day, out.founded);
    return out;
}

void found(Connection& db, const Genesis& ours) {
    db.execute(
        "INSERT INTO genesis (one, network_name, programme_start_day, founded_ms)"
        " VALUES (1, $1, $2, $3) ON CONFLICT DO NOTHING",
        ours.network_name, ours.programme_start_day, ours.founded);
    const auto there = genesis(db);
    if (there != ours)
        throw StoreFailed{"store " + db.name() + ": belongs to the network \"" +
                          there.value().network_name + "\" with programme start day " +
                          std::to_string(there->programme_start_day.value) + ", not to \"" +
                          ours.network_name + "\" with " +
                          std::to_string(ours.programme_start_day.value) +
                          ": name another store, or correct the network's settings"};
}

std::vector<PolicyRecord> policies(Connection& db) {
    std::vector<PolicyRecord> out;
    collect(db.run("SELECT effective_day, announced_ms, canonical, hash FROM policies"
                   " ORDER BY effective_day, announced_ms, hash"),
            out, [](Rows& rows, PolicyRecord& p) {
                rows.into(p.effective_day, p.announced, p.canonical, p.hash);
            });
    return out;
}

void add_policy(Connection& db, const PolicyRecord& p) {
    db.execute(
        "INSERT INTO policies (effective_day, announced_ms, hash, canonical)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        p.effective_day, p.announced, p.hash, p.canonical);
}

std::optional<DayKeyRecord> day_key(Connection& db, DayIndex day) {
    auto found = day_keys(db, day, 1);
    if (found.empty() || found.front().day != day) return std::nullopt;
    return found.front();
}

std::vector<DayKeyRecord> day_keys(Connection& db, DayIndex first, std::int64_t limit) {
    std::vector<DayKeyRecord> out;
    collect(db.run("SELECT d.day, day_key, commit_hash, committed_ms, revealed_ms FROM day_keys d"
                   " LEFT JOIN day_key_reveals r ON r.day = d.day"
                   " WHERE d.day >= $1 ORDER BY d.day LIMIT $2",
                   first, limit),
            out, [](Rows& rows, DayKeyRecord& d) {
                rows.into(d.day, d.key, d.commit, d.committed, d.revealed);
            });
    return out;
}

void add_day_key(Connection& db, const DayKeyRecord& d) {
    db.execute(
        "INSERT INTO day_keys (day, day_key, commit_hash, committed_ms)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        d.day, d.key, d.commit, d.committed);
    if (d.revealed) reveal_day_key(db, d.day, *d.revealed);
}

void reveal_day_key(Connection& db, DayIndex day, Instant revealed) {
    db.execute(
        "INSERT INTO day_key_reveals (day, revealed_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        day, revealed);
}

std::vector<Instant> heartbeats(Connection& db, Instant from, Instant to) {
    std::vector<Instant> out;
    std::optional<Instant> before, after;
    for (int bucket = 0; bucket < buckets; ++bucket) {
        collect(db.run("SELECT at_ms FROM heartbeats"
                       " WHERE bucket = $1 AND at_ms >= $2 AND at_ms <= $3",
                       bucket, from, to),
                out, [](Rows& rows, Instant& at) { rows.into(at); });
        std::optional<Instant> last, first;
        Rows earlier = db.run("SELECT max(at_ms) FROM heartbeats WHERE bucket = $1 AND at_ms < $2",
                              bucket, from);
        if (earlier.next()) earlier.into(last);
        Rows later = db.run("SELECT min(at_ms) FROM heartbeats WHERE bucket = $1 AND at_ms > $2",
                            bucket, to);
        if (later.next()) later.into(first);
        before = std::max(before, last);
        if (first) after = after ? std::min(*after, *first) : *first;
    }
    if (before) out.push_back(*before);
    if (after) out.push_back(*after);
    std::sort(out.begin(), out.end());
    return out;
}

void add_heartbeat(Connection& db, std::uint32_t replica, Instant at) {
    const std::uint32_t bucket = replica & 0xff;
    db.execute(
        "INSERT INTO heartbeats (bucket, at_ms, replica) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING",
        bucket, at, replica);
}

}  // namespace vigil::verifier::sql
