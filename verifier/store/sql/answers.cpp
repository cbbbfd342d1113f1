#include <algorithm>
#include <bit>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"
#include "verifier/store/sql/recording.hpp"

namespace vigil::verifier::sql {
namespace {

/// Answers of a bucket whose entries in answers_by_node lie together. Small enough that inserting
/// stays among few pages, large enough that a bucket has few of them.
constexpr std::int64_t chapter_size = 4096;

std::int64_t id_start(const AnswerId& id) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < 8; ++i) out = out << 8 | id.bytes[i];
    return std::bit_cast<std::int64_t>(out);
}

std::int64_t last_number(Connection& db, int bucket) {
    std::int64_t out = 0;
    Rows rows = db.run("SELECT max(number) FROM answers WHERE bucket = $1", bucket);
    if (rows.next()) rows.into(out);
    return out;
}

/// Nothing where the check is still free; `no_answer` where it was decided without one.
std::optional<std::int64_t> answer_that_took(Connection& db, const CheckClaim& claim) {
    Rows rows = db.run(
        "SELECT answer FROM verdicts WHERE bucket = $1 AND window_index = $2 AND device = $3"
        " AND kind = $4 AND ref = $5 UNION ALL SELECT answer FROM unjudged WHERE bucket = $1"
        " AND window_index = $2 AND device = $3 AND kind = $4 AND ref = $5",
        claim.device.bucket, claim.window, claim.device.number, claim.kind, claim.ref);
    std::optional<std::int64_t> out;
    for (std::int64_t answer{}; rows.next();) {
        rows.into(answer);
        out = std::max(out.value_or(no_answer), answer);
    }
    return out;
}

StoredAnswer stored_answer(Connection& db, std::uint8_t bucket, std::int64_t number) {
    Rows rows = db.run(
        "SELECT number, node, received_ms, id, signature, signed_bytes FROM answers"
        " WHERE bucket = $1 AND number = $2",
        bucket, number);
    if (!rows.next()) damaged_row("a proof without its answer");
    StoredAnswer out;
    rows.into(out.number, out.node.number, out.received, out.id, out.signature, out.signed_bytes);
    out.node.bucket = bucket;
    return out;
}

/// Calls `visit(number, id_start)` for a node's answers below `before`, newest first, until it
/// returns false.
template <class Visit>
void visit_answers(Connection& db, NodeRef node, std::int64_t before, Visit visit) {
    const std::int64_t newest = std::min(before - 1, last_number(db, node.bucket));
    for (std::int64_t chapter = newest / chapter_size; newest > 0 && chapter >= 0; --chapter) {
        Rows rows = db.run(
            "SELECT number, id_start FROM answers WHERE bucket = $1 AND chapter = $2 AND node = $3"
            " AND number <= $4 ORDER BY number DESC",
            node.bucket, chapter, node.number, newest);
        while (rows.next()) {
            std::int64_t number{}, start{};
            rows.into(number, start);
            if (!visit(number, start)) return;
        }
    }
}

}  // namespace

void hold_bucket(Connection& db, int bucket) {
    db.run("SELECT bucket FROM buckets WHERE bucket = $1 /*postgres FOR UPDATE*/", bucket).next();
}

std::optional<WindowIndex> closed_to_answers(Connection& db) {
    const auto closing = last_closing(db);
    return closing ? std::optional{closing->window} : std::nullopt;
}

AnswerFate decided_by(Connection& db, AnswerFate::Kind kind, std::uint8_t bucket,
                      std::int64_t number) {
    Rows rows = db.run("SELECT received_ms, id FROM answers WHERE bucket = $1 AND number = $2",
                       bucket, number);
    if (!rows.next()) damaged_row("a proof without its answer");
    AnswerFate out{.kind = kind, .received = {}, .id = {}};
    rows.into(out.received, out.id);
    return out;
}

void insert_answers(Connection& db, std::span<const NumberedAnswer> numbered) {
    struct Proof {
        const CheckClaim* claim;
        std::int64_t answer;
    };
    std::vector<Proof> unjudged;
    std::vector<VerdictOnAnswer> verdicts;
    for (const auto& [record, number] : numbered) {
        for (const CheckClaim& claim : record->claims) {
            const bool judged =
                std::any_of(record->verdicts.begin(), record->verdicts.end(),
                            [&](const VerdictRecord& verdict) { return verdict.claim == claim; });
            if (!judged) unjudged.push_back({&claim, number});
        }
        for (const VerdictRecord& verdict : record->verdicts)
            verdicts.push_back({&verdict, number});
    }
    db.execute_many(
        "INSERT INTO answers (bucket, number, chapter, node, id_start, received_ms, id, signature,"
        " signed_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        numbered, [](const NumberedAnswer& n) {
            const AnswerRecord& a = *n.answer;
            return row(a.node.bucket, n.number, n.number / chapter_size, a.node.number,
                       id_start(a.id), a.received, a.id, a.signature, a.signed_bytes);
        });
    db.execute_many(
        "INSERT INTO unjudged (bucket, window_index, device, kind, ref, answer)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        unjudged, [](const Proof& p) {
            return row(p.claim->device.bucket, p.claim->window, p.claim->device.number,
                       p.claim->kind, p.claim->ref, p.answer);
        });
    add_verdicts(db, verdicts);
}

std::vector<AnswerFate> record(Connection& db, std::span<const AnswerRecord* const> answers) {
    Recording recording{closed_to_answers(db)};
    for (const AnswerRecord* answer : answers) {
        const std::uint8_t bucket = answer->node.bucket;
        require(!answer->claims.empty(), "an answer claims at least one check");
        if (!recording.knows_numbers_of(bucket))
            recording.numbered_up_to(bucket, last_number(db, bucket));
        for (const CheckClaim& claim : answer->claims) {
            require(claim.device.bucket == bucket, "a node answers for its own devices");
            if (const auto by = answer_that_took(db, claim)) recording.taken(claim, *by);
        }
    }
    std::vector<AnswerFate> fates;
    fates.reserve(answers.size());
    for (const AnswerRecord* answer : answers) fates.push_back(recording.decide(db, *answer));
    recording.write(db);
    return fates;
}

std::vector<StoredAnswer> unjudged_answers_in(Connection& db, std::uint8_t bucket,
                                              WindowIndex window) {
    std::vector<std::int64_t> numbers;
    collect(db.run("SELECT DISTINCT u.answer FROM unjudged u LEFT JOIN verdicts v"
                   " ON v.bucket = u.bucket AND v.window_index = u.window_index"
                   " AND v.device = u.device AND v.kind = u.kind AND v.ref = u.ref"
                   " WHERE u.bucket = $1 AND u.window_index = $2 AND u.kind <> $3"
                   " AND v.bucket IS NULL ORDER BY u.answer",
                   bucket, window, CheckKind::calibration),
            numbers, [](Rows& rows, std::int64_t& number) { rows.into(number); });
    std::vector<StoredAnswer> out;
    for (const std::int64_t number : numbers) out.push_back(stored_answer(db, bucket, number));
    return out;
}

std::vector<StoredAnswer> unjudged_answers(Connection& db, WindowIndex window) {
    std::vector<StoredAnswer> out;
    for (int bucket = 0; bucket < buckets; ++bucket)
        for (StoredAnswer& found :
             unjudged_answers_in(db, static_cast<std::uint8_t>(bucket), window))
            out.push_back(std::move(found));
    std::stable_sort(out.begin(), out.end(), [](const StoredAnswer& a, const StoredAnswer& b) {
        return a.received < b.received;
    });
    return out;
}

std::optional<StoredAnswer> answer(Connection& db, const AnswerId& id, NodeRef node) {
    std::optional<StoredAnswer> out;
    visit_answers(db, node, last_number(db, node.bucket) + 1,
                  [&](std::int64_t number, std::int64_t start) {
                      if (start != id_start(id)) return true;
                      auto candidate = stored_answer(db, node.bucket, number);
                      if (candidate.id == id) out = std::move(candidate);
                      return !out;
                  });
    return out;
}

std::optional<StoredAnswer> answer_to(Connection& db, const CheckClaim& claim) {
    const auto number = answer_that_took(db, claim);
    if (!number || *number == no_answer) return std::nullopt;
    return stored_answer(db, claim.device.bucket, *number);
}

std::vector<StoredAnswer> answers(Connection& db, NodeRef node, const Page& page) {
    std::vector<StoredAnswer> out;
    const std::int64_t before =
        page.before ? std::max<std::int64_t>(*page.before, 0) : last_number(db, node.bucket) + 1;
    visit_answers(db, node, before, [&](std::int64_t number, std::int64_t) {
        out.push_back(stored_answer(db, node.bucket, number));
        return out.size() < rows_of(page);
    });
    return out;
}

std::int64_t answer_count(Connection& db) {
    std::int64_t out = 0;
    for (int bucket = 0; bucket < buckets; ++bucket) out += last_number(db, bucket);
    return out;
}

}  // namespace vigil::verifier::sql
